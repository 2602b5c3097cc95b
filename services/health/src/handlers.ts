import { type Call, type Clock, invalid, type Principal, requireKind, setsFor, shownTo } from '@sluice/mesh';
import type {
  GetIncidentsRequest,
  GetIncidentsResponse,
  GetMeshRequest,
  GetMeshResponse,
  GetSloRequest,
  GetSloResponse,
  InstanceHealth,
  Lag,
} from '@sluice/proto';
import type { Newest } from './newest.js';
import type { Observatory } from './observatory.js';
import type { Member, Roster } from './roster.js';

export interface Handling {
  readonly roster: Pick<Roster, 'members'>;
  readonly newest: Newest;
  readonly clock: Clock;
  readonly observatory: Pick<Observatory, 'view' | 'slos' | 'incidents' | 'changed'>;
  /** The own region. */
  readonly region: string;
}

/** The whole mesh, as it was last seen. Sets outside the key's scope are left out. */
export function getMesh(
  { roster, newest, clock, observatory, region }: Handling,
  _request: GetMeshRequest,
  call: Pick<Call, 'principal'>,
): GetMeshResponse {
  requireKind(call.principal, 'console', 'server');
  const observedAtMs = clock.now();
  return {
    instances: roster.members().map((member) => instanceHealth(member, newest, call.principal, observedAtMs)),
    newest: setsFor(call.principal, newest.all()),
    observedAtMs,
    regions: [...observatory.view.regions],
    services: [...observatory.view.services],
    seenFrom: region,
  };
}

/** How the objectives of the mesh do. */
export function getSlo(
  { observatory }: Handling,
  { region }: GetSloRequest,
  { principal }: Pick<Call, 'principal'>,
): GetSloResponse {
  requireKind(principal, 'console', 'server');
  return { slos: observatory.slos(region) };
}

const incidentsMax = 1_000;

/** What went wrong in the mesh, newest first. */
export function getIncidents(
  { observatory }: Handling,
  { isOpenOnly, limit, region }: GetIncidentsRequest,
  { principal }: Pick<Call, 'principal'>,
): GetIncidentsResponse {
  requireKind(principal, 'console', 'server');
  if (limit > incidentsMax) throw invalid('limit', `is ${limit}; it must be at most ${incidentsMax}`);
  const wanted = observatory
    .incidents()
    .filter(({ endedAtMs }) => !isOpenOnly || endedAtMs === undefined)
    .filter((incident) => region === '' || incident.region === region);
  return { incidents: wanted.slice(0, limit || 100) };
}

function instanceHealth(member: Member, newest: Newest, principal: Principal, nowMs: number): InstanceHealth {
  const { service, instance, region, address, verdict, lastSets, seenAtMs } = member;
  const self = member.self && shownTo(principal, member.self);
  const { state, cause, sinceMs } = verdict;
  const seen = { lastSets: setsFor(principal, lastSets), seenAtMs };
  const lags = service === 'config' ? [] : lagsOf(seen, newest, nowMs);
  return { service, instance, region, address, state, cause, sinceMs, self, lags, load: self?.load };
}

/**
 * As of now: what an instance said of its age was so when it was probed, and has gone on since. Of
 * one that does not answer, what it held last, for that is what it may still be answering from.
 */
export function lagsOf(
  { lastSets, seenAtMs }: Pick<Member, 'lastSets' | 'seenAtMs'>,
  newest: Newest,
  nowMs: number,
): Lag[] {
  return lastSets.flatMap(({ set, revision, ageMs }) => {
    const top = set && newest.get(set);
    if (!top) return [];
    const behind = Math.max(top.revision - revision, 0);
    const lateMs = behind === 0 ? undefined : Math.max(nowMs - top.committedAtMs, 0);
    return [{ set, revision, behind, ageMs: ageMs + Math.max(nowMs - seenAtMs, 0), lateMs }];
  });
}
