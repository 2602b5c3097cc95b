import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { describeHolder, identify, isAlive, parseListeners, parseStat } from './proc.js';

describe('/proc', () => {
  const fields = (state: string) => `${state} ${Array.from({ length: 18 }, (_, i) => i + 1).join(' ')} 987654 0 0`;

  it('gives state and start time of a process, whatever its name', () => {
    assert.deepEqual(parseStat(`4711 (node) ${fields('S')}`), { state: 'S', startTime: '987654' });
    assert.deepEqual(parseStat(`4711 (a) b) c) ${fields('Z')}`), { state: 'Z', startTime: '987654' });
    assert.equal(parseStat(''), undefined);
  });

  it('gives the sockets that listen, and no others', () => {
    const text = [
      '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
      '   0: 0100007F:1CE8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 31337 1 0 100 0 0 10 0',
      '   1: 0100007F:1CE9 0100007F:A1B2 01 00000000:00000000 00:00000000 00000000     0        0 31338 1 0 100 0 0 10 0',
      '   2: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 5 1',
      '',
    ].join('\n');
    assert.deepEqual(
      [...parseListeners(text)],
      [
        [7400, '31337'],
        [22, '5'],
      ],
    );
  });

  it('knows a process from another that got the same number', () => {
    const self = identify(process.pid);
    assert(self !== undefined);
    assert.equal(isAlive(self), true);
    assert.equal(isAlive({ ...self, startTime: '1' }), false);
  });

  it('names the process that holds a port', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { port: number };
    assert.match(describeHolder(port), new RegExp(`^process ${process.pid} \\(.*node`));
    server.close();
  });
});
