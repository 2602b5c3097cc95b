import { strict as assert } from 'node:assert';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { Connections } from './connections.js';
import type { Front } from './front.js';
import { type Listening, listen } from './listen.js';
import { ServerCounts } from './server-counts.js';
import { defaultLimits } from './server-limits.js';

const crowd = 20;

/** Longer than a slice. */
function workHard(): void {
  const until = performance.now() + 1.5;
  while (performance.now() < until);
}

describe('a crowd of connections', () => {
  let turns = 0;
  let isTurning = true;
  let listening: Listening;
  const began: number[] = [];
  const ended: { turn: number; event: string }[] = [];

  before(async () => {
    const counts = new ServerCounts();
    const front = {
      connections: new Connections(defaultLimits, counts),
      counts,
      serve: (socket: Socket) => {
        workHard();
        began.push(turns);
        socket.resume();
        for (const event of ['error', 'close']) {
          socket.on(event, () => {
            workHard();
            ended.push({ turn: turns, event });
          });
        }
      },
    };
    listening = await listen(front as unknown as Front, { host: '127.0.0.1', port: 0 });
    void (async () => {
      for (; isTurning; turns++) await turn();
    })();
  });

  after(() => {
    isTurning = false;
    listening.close();
  });

  it('is taken in and let go a few at a time, whether it leaves or is cut off', async () => {
    const sockets = Array.from({ length: crowd }, () => connect(listening.port, '127.0.0.1'));
    await Promise.all(sockets.map((socket) => once(socket, 'connect')));
    while (began.length < crowd) await turn();
    assert.equal(new Set(began).size, crowd, `taken in in the turns ${began}`);
    for (const socket of sockets) socket.resetAndDestroy();
    while (ended.filter(({ event }) => event === 'close').length < crowd) await turn();
    assert.equal(ended.filter(({ event }) => event === 'error').length, crowd);
    assert.equal(new Set(ended.map((one) => one.turn)).size, 2 * crowd, `let go in ${JSON.stringify(ended)}`);
  });
});
