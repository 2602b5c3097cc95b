import assert from 'node:assert/strict';
import { GetMeshResponse, HealthState, ProbeKind } from '@sluice/proto';
import { regionsOf, servicesOf } from './mesh-view.js';
import { SloBook } from './slo-book.js';
import { statusDocument } from './status-document.js';
import { member, probe } from './test/sights.js';

describe('the document of the status page', () => {
  const atMs = Date.UTC(2026, 0, 2);
  const set = { project: 'shop', environment: 'production' };
  const seen = member('evaluation-1', 'eu', HealthState.NOT_SERVING);
  const services = servicesOf([seen]);
  const result = probe(false, { kind: ProbeKind.INGEST, latencyMs: 12.6, atMs });
  const regions = regionsOf(services, () => [result], new Map(), atMs);
  const mesh = GetMeshResponse.fromPartial({
    ...{ services, regions, seenFrom: 'us', observedAtMs: atMs },
    newest: [{ set, revision: 9, committedAtMs: atMs }],
    instances: [
      {
        ...{ service: 'evaluation', instance: 'evaluation-1', region: 'eu', address: 'h:1' },
        ...{ state: HealthState.NOT_SERVING, cause: 'why', sinceMs: 0, load: 0.5 },
        lags: [
          { set, revision: 7, behind: 2 },
          { set: { ...set, environment: 'qa' }, revision: 4, behind: 0 },
        ],
      },
    ],
  });
  const book = new SloBook();
  book.count({ region: 'eu', result });
  const { instances, newest, ...document } = statusDocument(mesh, book.read(atMs), []);

  it('has every region with its services, probes and objectives in words', () => {
    const [region, ...others] = document.regions;
    assert.deepEqual([others, document.seenFrom, document.state], [[], 'us', 'not_serving']);
    assert.deepEqual([region?.region, region?.state, region?.since], ['eu', 'not_serving', '2026-01-02T00:00:00.000Z']);
    const [service] = region?.services ?? [];
    assert.deepEqual(
      [service?.service, service?.state, service?.serving, service?.instances],
      [...['evaluation', 'not_serving', 0, 1]],
    );
    assert.deepEqual(region?.probes, [{ name: 'ingest', isGood: false, cause: result.cause, latencyMs: 13 }]);
    assert.deepEqual(
      region?.slos.map(({ name, total, good, isFiring }) => [name, total, good, isFiring]),
      [['events', 1, 0, false]],
    );
  });

  it('has every instance with its largest lag and its load', () => {
    const [instance] = instances;
    assert.deepEqual([instance?.behind, instance?.load, instance?.since, instance?.version], [2, 0.5, null, null]);
    assert.deepEqual(instance?.revisions, [
      { set: 'shop/production', revision: 7 },
      { set: 'shop/qa', revision: 4 },
    ]);
    assert.deepEqual(newest, [{ ...set, revision: 9, committedAt: '2026-01-02T00:00:00.000Z' }]);
  });
});
