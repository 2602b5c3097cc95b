import { labelsOf, type Metrics } from '@sluice/mesh';
import { HealthState } from '@sluice/proto';
import { probeNames } from './faults.js';
import { type Handling, lagsOf } from './handlers.js';

/** Each instance of the mesh as it was seen last: whether it serves, and how far behind config it is. */
export function exposeMesh(metrics: Metrics, { roster, newest, clock, observatory }: Handling): void {
  metrics.gauge('sluice_mesh_instance_up', '1 for an instance that serves', () =>
    roster.members().map(({ service, instance, region, verdict }) => ({
      value: verdict.state === HealthState.SERVING ? 1 : 0,
      labels: { member_service: service, member_instance: instance, member_region: region },
    })),
  );
  metrics.gauge('sluice_mesh_lag_revisions', 'Revisions between the newest and the one that an evaluator holds', () =>
    roster.members().flatMap((member) =>
      member.service === 'evaluation'
        ? lagsOf(member, newest, clock.now()).map((lag) => ({
            value: lag.behind,
            labels: { ...labelsOf(lag), member_instance: member.instance, member_region: member.region },
          }))
        : [],
    ),
  );
  metrics.gauge('sluice_mesh_probe_good', '1 for a synthetic probe that works', () =>
    observatory.view.regions.flatMap(({ region, probes }) =>
      probes.map(({ kind, isGood }) => ({
        value: isGood ? 1 : 0,
        labels: { member_region: region, probe: probeNames[kind] },
      })),
    ),
  );
  metrics.gauge('sluice_mesh_probe_seconds', 'How long a synthetic probe took last', () =>
    observatory.view.regions.flatMap(({ region, probes }) =>
      probes.map(({ kind, latencyMs }) => ({
        value: latencyMs / 1_000,
        labels: { member_region: region, probe: probeNames[kind] },
      })),
    ),
  );
  metrics.gauge('sluice_mesh_incidents_open', 'Incidents that go on', () => [
    { value: observatory.incidents().filter(({ endedAtMs }) => endedAtMs === undefined).length },
  ]);
  metrics.gauge('sluice_slo_budget_left_ratio', 'Share of the error budget of 30 days that is left', () =>
    observatory.slos().map(({ region, name, budgetLeft }) => ({
      value: budgetLeft,
      labels: { member_region: region, slo: name },
    })),
  );
  metrics.gauge('sluice_slo_burn_rate_ratio', 'How many times faster than sustainable the error budget burns', () =>
    observatory.slos().flatMap(({ region, name, burnRates }) =>
      burnRates.flatMap(({ longWindowMs, longRate, shortWindowMs, shortRate }) => [
        { value: longRate, labels: { member_region: region, slo: name, window: windowOf(longWindowMs) } },
        { value: shortRate, labels: { member_region: region, slo: name, window: windowOf(shortWindowMs) } },
      ]),
    ),
  );
}

/** `5m`, `1h`, `3d`. */
function windowOf(ms: number): string {
  const minutes = ms / 60_000;
  if (minutes < 60) return `${minutes}m`;
  return minutes < 24 * 60 ? `${minutes / 60}h` : `${minutes / (24 * 60)}d`;
}
