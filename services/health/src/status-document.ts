import {
  type GetMeshResponse,
  type HealthState,
  healthStateToJSON,
  type Incident,
  type InstanceHealth,
  type Slo,
} from '@sluice/proto';
import { probeNames } from './faults.js';

const word = (state: HealthState): string => healthStateToJSON(state).replace('HEALTH_STATE_', '').toLowerCase();
const iso = (ms: number): string | null => (ms === 0 ? null : new Date(ms).toISOString());

/** What the status page shows: plain data with camelCase names, times in ISO 8601. Incidents that go on come first. */
export function statusDocument(mesh: GetMeshResponse, slos: readonly Slo[], incidents: readonly Incident[]) {
  return {
    seenFrom: mesh.seenFrom,
    state: stateOf(mesh, incidents),
    regions: mesh.regions.map(({ region, state, cause, sinceMs, probes }) => ({
      ...{ region, cause, state: word(state), since: iso(sinceMs) },
      services: mesh.services
        .filter((service) => service.region === region)
        .map((one) => ({ ...one, region: undefined, state: word(one.state) })),
      probes: probes.map(({ kind, isGood, cause: why, latencyMs }) => ({
        ...{ name: probeNames[kind], isGood, cause: why },
        latencyMs: Math.round(latencyMs),
      })),
      slos: slos.filter((slo) => slo.region === region).map(sloDocument),
    })),
    instances: mesh.instances.map(instanceDocument),
    newest: mesh.newest.map(({ set, revision, committedAtMs }) => ({
      ...set,
      revision,
      committedAt: iso(committedAtMs),
    })),
    incidents: incidents.map(({ startedAtMs, endedAtMs, ...rest }) => ({
      ...rest,
      startedAt: iso(startedAtMs),
      endedAt: endedAtMs === undefined ? null : iso(endedAtMs),
    })),
  };
}

/** The mesh is as well as its worst region; degraded when all of them serve and something is wrong nevertheless. */
function stateOf({ regions }: GetMeshResponse, incidents: readonly Incident[]): string {
  const states = regions.map(({ state }) => word(state));
  const worst = ['unreachable', 'not_serving', 'unknown'].find((state) => states.includes(state));
  if (worst !== undefined) return worst;
  // Nothing was seen: that is no good news.
  if (regions.length === 0) return 'unknown';
  return incidents.some(({ endedAtMs }) => endedAtMs === undefined) ? 'degraded' : 'serving';
}

function sloDocument({ name, description, objective, total, good, budgetLeft, burnRates }: Slo) {
  const isFiring = burnRates.some((rate) => rate.isFiring);
  return { name, description, objective, total, good, budgetLeft, isFiring };
}

function instanceDocument(one: InstanceHealth) {
  const { service, instance, region, address, state, cause, sinceMs, self, lags, load = null } = one;
  const behind = lags.length === 0 ? null : Math.max(...lags.map((lag) => lag.behind));
  return {
    ...{ service, instance, region, address, cause, behind, load },
    state: word(state),
    since: iso(sinceMs),
    version: self?.version ?? null,
    revisions: lags.map(({ set, revision }) => ({ set: `${set?.project}/${set?.environment}`, revision })),
  };
}
