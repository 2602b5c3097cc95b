import { type Call, type Clock, covers, type Principal, requireKind } from '@sluice/mesh';
import type { GetInstanceResponse, GetMeshRequest, GetMeshResponse, HeldSet, InstanceHealth, Lag } from '@sluice/proto';
import type { Newest } from './newest.js';
import type { Member, Roster } from './roster.js';

export interface Handling {
  readonly roster: Pick<Roster, 'members'>;
  readonly newest: Newest;
  readonly clock: Clock;
}

/** The whole mesh, as it was last seen. Sets outside the key's scope are left out. */
export function getMesh(
  { roster, newest, clock }: Handling,
  _request: GetMeshRequest,
  call: Pick<Call, 'principal'>,
): GetMeshResponse {
  requireKind(call.principal, 'console', 'server');
  return {
    instances: roster.members().map((member) => instanceHealth(member, newest, call.principal)),
    newest: visible(newest.all(), call.principal),
    observedAtMs: clock.now(),
  };
}

function instanceHealth(member: Member, newest: Newest, principal: Principal): InstanceHealth {
  const { service, instance, region, address, verdict } = member;
  const self = member.self && selfFor(member.self, principal);
  const { state, cause, sinceMs } = verdict;
  const lags = service === 'config' ? [] : lagsOf(self?.sets ?? [], newest);
  return { service, instance, region, address, state, cause, sinceMs, self, lags };
}

/** Counters are of the whole instance: they are for those who may see all of it. */
function selfFor(self: GetInstanceResponse, principal: Principal): GetInstanceResponse {
  const isForAll = principal.project === '';
  return { ...self, sets: visible(self.sets, principal), counters: isForAll ? self.counters : {} };
}

function visible(sets: readonly HeldSet[], principal: Principal): HeldSet[] {
  return sets.filter(({ set }) => set !== undefined && covers(principal, set));
}

function lagsOf(sets: readonly HeldSet[], newest: Newest): Lag[] {
  return sets.flatMap(({ set, revision }) => {
    const top = set && newest.get(set);
    return top ? [{ set, revision, behind: Math.max(top.revision - revision, 0) }] : [];
  });
}
