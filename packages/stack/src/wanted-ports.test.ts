import assert from 'node:assert/strict';
import { newSettings } from './settings.js';
import { wantedPorts } from './wanted-ports.js';

describe('the ports of a stack', () => {
  it('are wanted on every host, of the further servers of NATS those of NATS only', () => {
    const settings = { ...newSettings(7_400), regions: ['us', 'eu'], natsNodes: 3 as const };
    const wanted = wantedPorts(settings);
    const on = (host: string) => wanted.filter((port) => port.host === host);
    assert.deepEqual([...new Set(wanted.map(({ host }) => host))].sort(), [
      ...['127.0.1.1', '127.0.1.11', '127.0.1.12'],
      ...['127.0.2.1', '127.0.2.11', '127.0.2.12'],
    ]);
    for (const host of ['127.0.1.11', '127.0.2.12']) {
      assert.deepEqual(
        on(host).map(({ name, port }) => [name, port]),
        [7_410, 7_411, 7_412, 7_413].map((port) => ['nats', port]),
      );
    }
    assert(on('127.0.2.1').some(({ name }) => name === 'evaluation'));
    assert(!wanted.some(({ name }) => name === 'traces'));
    assert(wantedPorts({ ...settings, isTraced: true }).some(({ name }) => name === 'traces'));
  });
});
