import assert from 'node:assert/strict';
import { type Metrics, noMetrics, type Sample } from '@sluice/mesh';
import { HealthState, type HeldSet, type Incident, ProbeKind } from '@sluice/proto';
import type { Handling } from './handlers.js';
import { exposeMesh } from './mesh-metrics.js';
import { regionsOf, servicesOf } from './mesh-view.js';
import { Newest } from './newest.js';
import { SloBook } from './slo-book.js';
import { member, probe } from './test/sights.js';

const held = (revision: number): HeldSet => ({
  set: { project: 'shop', environment: 'production' },
  ...{ revision, stateHash: Buffer.alloc(0), committedAtMs: 0, ageMs: 0 },
});

describe('the metrics of the mesh', () => {
  const gauges = new Map<string, Sample[]>();

  before(() => {
    const newest = new Newest();
    const config = member('config-1', 'us');
    if (config.self) newest.hear({ ...config.self, sets: [held(9)] });
    const members = [
      config,
      member('evaluation-1', 'eu', HealthState.SERVING, { lastSets: [held(7)] }),
      member('evaluation-2', 'eu', HealthState.UNREACHABLE, { isListed: false, hasCrashed: true }),
    ];
    const services = servicesOf(members);
    const probes = [probe(false, { latencyMs: 900 }), probe(true, { kind: ProbeKind.INGEST, latencyMs: 40 })];
    const regions = regionsOf(services, (region) => (region === 'eu' ? probes : []), new Map(), 9);
    const book = new SloBook();
    for (const result of probes) book.count({ region: 'eu', result: { ...result, atMs: 9 } });
    const incident = { id: 'i', kind: 'probe', subject: 'evaluate', region: 'eu', cause: '', note: '', startedAtMs: 1 };
    const incidents: Incident[] = [
      { ...incident, endedAtMs: undefined },
      { ...incident, endedAtMs: 5 },
    ];
    const handling: Handling = {
      roster: { members: () => members },
      newest,
      clock: { now: () => 9 },
      region: 'us',
      observatory: {
        view: { services, regions },
        slos: (region) => book.read(9, region),
        incidents: () => incidents,
        changed: () => Promise.resolve(),
      },
    };
    const metrics: Metrics = { ...noMetrics, gauge: (name, _, observe) => void gauges.set(name, [...observe()]) };
    exposeMesh(metrics, handling);
  });

  /** Values by one label. */
  const valuesOf = (name: string, label: string): Record<string, number> =>
    Object.fromEntries((gauges.get(name) ?? []).map(({ value, labels = {} }) => [labels[label] ?? '', value]));

  it('say who serves, also of those that Consul gave up', () => {
    assert.deepEqual(valuesOf('sluice_mesh_instance_up', 'member_instance'), {
      'config-1': 1,
      'evaluation-1': 1,
      'evaluation-2': 0,
    });
  });

  it('say how far evaluators are behind', () => {
    assert.deepEqual(gauges.get('sluice_mesh_lag_revisions'), [
      {
        value: 2,
        labels: {
          ...{ project: 'shop', environment: 'production' },
          ...{ member_instance: 'evaluation-1', member_region: 'eu' },
        },
      },
    ]);
  });

  it('say what probes saw, and how long it took', () => {
    assert.deepEqual(valuesOf('sluice_mesh_probe_good', 'probe'), { evaluate: 0, ingest: 1 });
    assert.deepEqual(valuesOf('sluice_mesh_probe_seconds', 'probe'), { evaluate: 0.9, ingest: 0.04 });
  });

  it('count the incidents that go on', () => {
    assert.deepEqual(gauges.get('sluice_mesh_incidents_open'), [{ value: 1 }]);
  });

  it('say what is left of the budgets, and how fast it burns over which window', () => {
    assert.equal(valuesOf('sluice_slo_budget_left_ratio', 'slo').events, 1);
    assert((valuesOf('sluice_slo_budget_left_ratio', 'slo').availability ?? 1) < 1);
    assert.deepEqual(Object.keys(valuesOf('sluice_slo_burn_rate_ratio', 'window')).toSorted(), [
      ...['1h', '30m', '3d', '5m', '6h'],
    ]);
  });
});
