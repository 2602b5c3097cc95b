/** Meshes as the health service sees them, for its tests. */
import { GetInstanceResponse, HealthState, ProbeKind, type ProbeResult } from '@sluice/proto';
import type { Sight } from '../faults.js';
import { regionsOf, servicesOf } from '../mesh-view.js';
import type { Member } from '../roster.js';

/** `evaluation-1` is an instance of evaluation, and serves unless `part` says otherwise. */
export function member(
  instance: string,
  region: string,
  state: HealthState = HealthState.SERVING,
  part: Partial<Member> = {},
): Member {
  const [service = ''] = instance.split('-');
  const isSilent = state === HealthState.UNREACHABLE || state === HealthState.UNKNOWN;
  const where = { service, instance, region, address: 'h:1' };
  return {
    ...where,
    verdict: { state, cause: state === HealthState.SERVING ? '' : 'does not answer', sinceMs: 1 },
    self: isSilent ? undefined : { ...GetInstanceResponse.fromPartial({}), ...where },
    lastSets: [],
    seenAtMs: 0,
    isListed: true,
    hasServed: true,
    hasCrashed: false,
    joinedAtMs: 0,
    silentSinceMs: isSilent ? 1 : undefined,
    ...part,
  };
}

export const probe = (isGood: boolean, part: Partial<ProbeResult> = {}): ProbeResult => ({
  ...{ kind: ProbeKind.EVALUATE, isGood, cause: isGood ? '' : 'evaluate: no answer in time' },
  ...{ latencyMs: 1, atMs: 1, sinceMs: 1, ...part },
});

/** All of these members, as seen from `us` by a health service that has been there for long. */
export function see(members: readonly Member[], probes: ProbeResult[] = [], part: Partial<Sight> = {}): Sight {
  const services = servicesOf(members);
  const regions = regionsOf(services, () => probes, new Map(), 9);
  const watch = { watchFault: undefined, isWatchAsked: true, isSettled: true, seenFrom: 'us' };
  return { members, services, regions, slos: [], ...watch, nowMs: 9, ...part };
}
