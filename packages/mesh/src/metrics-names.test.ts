import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { exposeClients } from './client-counts.js';
import { LoadMeter } from './load-meter.js';
import { type Metrics, noMetrics } from './metrics.js';
import { exposeServer, ServerCounts } from './server-counts.js';

/** Every metric of servers and clients by its name in Prometheus, with the values of its label. */
function exported(): Map<string, string[]> {
  const found = new Map<string, string[]>();
  const metrics: Metrics = {
    ...noMetrics,
    gauge: (name) => void found.set(name, []),
    counter: (name, _, observe) =>
      void found.set(
        `${name}_total`,
        [...observe()].flatMap(({ labels }) => labels?.reason ?? []),
      ),
  };
  exposeServer(metrics, new ServerCounts(), () => ({
    connections: 0,
    callsInFlight: 0,
    callsInFlightLimit: 0,
    callsWaiting: 0,
  }));
  exposeClients(metrics);
  new LoadMeter(metrics).close();
  return found;
}

describe('docs/servers.md', () => {
  const page = readFileSync(new URL('../../../docs/servers.md', import.meta.url), 'utf8');
  const rows = page.split('\n').filter((line) => line.startsWith('| `sluice_'));

  it('lists every metric with every reason, and no other', () => {
    const names = rows.map((row) => /`(\w+)`/.exec(row)?.[1]);
    const metrics = exported();
    assert.deepEqual(names.toSorted(), [...metrics.keys()].toSorted());
    for (const [name, reasons] of metrics) {
      const row = rows.find((line) => line.includes(`\`${name}\``)) ?? '';
      for (const reason of reasons) assert(row.includes(`\`${reason}\``), `${name} has the reason ${reason}`);
    }
  });
});
