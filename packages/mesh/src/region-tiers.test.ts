import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { createClient } from './client.js';
import type { MeshServer } from './server.js';
import { answer, meshKey, scripted, startScripted } from './test/scripted-server.js';

interface Counted {
  readonly server: MeshServer;
  calls: number;
}

async function startCounted(port = 0): Promise<Counted> {
  const counted = { calls: 0 };
  const server = await startScripted(
    {
      getThing: () => {
        counted.calls++;
        return answer;
      },
    },
    port,
  );
  return Object.assign(counted, { server });
}

/** A client of one instance at home and one away, and what it takes to see where calls go. */
async function withTiers(
  use: (world: {
    home: Counted;
    away: Counted;
    call: () => Promise<unknown>;
    where: () => Promise<string>;
  }) => Promise<void>,
): Promise<void> {
  const home = await startCounted();
  const away = await startCounted();
  const target = `static:///${home.server.address};${away.server.address}`;
  const client = createClient(scripted, { target, key: meshKey });
  const call = () => client.getThing({ service: '' }, { timeoutMs: 2_000 });
  const where = async (): Promise<string> => {
    const before = home.calls;
    await call();
    return home.calls > before ? 'home' : 'away';
  };
  try {
    await use({ home, away, call, where });
  } finally {
    client.close();
    await Promise.all([home, away].map(({ server }) => server.stop(0)));
  }
}

const synSent = '02';

/** The local ends of connections to a port that nobody has answered yet. */
function attemptsAt(port: number): string[] {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  const lines = readFileSync('/proc/net/tcp', 'utf8').split('\n').slice(1);
  return lines.flatMap((line) => {
    const [, local = '', remote = '', state] = line.trim().split(/\s+/);
    return remote.endsWith(`:${hex}`) && state === synSent ? [local] : [];
  });
}

describe('region tiers', function () {
  this.timeout(20_000);

  it('keep calls at home while home lives', () =>
    withTiers(async ({ away, call }) => {
      for (let i = 0; i < 50; i++) await call();
      assert.equal(away.calls, 0);
    }));

  it('send calls away when home dies, and none fails', () =>
    withTiers(async ({ home, away, call }) => {
      await call();
      const calls = Array.from({ length: 20 }, () => call());
      const stopped = home.server.stop(0);
      for (let i = 0; i < 50; i++) calls.push(call());
      await Promise.all([...calls, stopped]);
      assert.ok(away.calls > 0);
    }));

  it('bring calls home again, though not at once', () =>
    withTiers(async ({ home, where }) => {
      assert.equal(await where(), 'home');
      await home.server.stop(0);
      assert.equal(await where(), 'away');
      const again = await startCounted(home.server.port);
      const back = Date.now();
      try {
        const wentHome = async (): Promise<boolean> => {
          await where();
          return again.calls > 0;
        };
        while (!(await wentHome())) assert.ok(Date.now() - back < 15_000, 'calls never come home');
        assert.ok(Date.now() - back >= 2_500, `calls came home after ${Date.now() - back} ms`);
      } finally {
        await again.server.stop(0);
      }
    }));

  it('start away where home is not there', async () => {
    const away = await startCounted();
    const client = createClient(scripted, { target: `static:///127.0.0.1:1;${away.server.address}`, key: meshKey });
    try {
      await client.getThing({ service: '' }, { timeoutMs: 2_000 });
      assert.equal(away.calls, 1);
    } finally {
      client.close();
      await away.server.stop(0);
    }
  });

  it('try anew when nobody answers an attempt, rather than wait for the system to', async () => {
    const home = await startCounted();
    const door = fork(new URL('./test/narrow-door.js', import.meta.url), [home.server.address]);
    const [port] = (await once(door, 'message')) as [number];
    door.kill('SIGSTOP');
    // They take all room there is: what comes after them is dropped, as in a partition.
    const crowd = Array.from({ length: 8 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
    await once(crowd[0] as Socket, 'connect');
    const others = attemptsAt(port);
    const client = createClient(scripted, { target: `static:///127.0.0.1:${port}`, key: meshKey });
    try {
      const call = client.getThing({ service: '' }, { timeoutMs: 15_000 });
      const seen = new Set<string>();
      for (const until = Date.now() + 6_000; seen.size < 2; ) {
        await new Promise((resolve) => setTimeout(resolve, 20));
        for (const attempt of attemptsAt(port)) if (!others.includes(attempt)) seen.add(attempt);
        assert(Date.now() < until, `${seen.size} attempts`);
      }
      for (const socket of crowd) socket.destroy();
      door.kill('SIGCONT');
      await call;
    } finally {
      client.close();
      door.kill('SIGKILL');
      await home.server.stop(0);
    }
  });

  it('fail with a reason when both are gone', async () => {
    const client = createClient(scripted, { target: 'static:///127.0.0.1:1;127.0.0.1:2', key: meshKey });
    try {
      await assert.rejects(client.getThing({ service: '' }, { timeoutMs: 2_000 }), { kind: 'unavailable' });
    } finally {
      client.close();
    }
  });
});
