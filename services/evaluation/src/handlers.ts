/** One function for each RPC: check, act, encode. */
import type { CountryTable } from '@sluice/engine';
import { type Call, type Clock, covers, requireKind, requireSet } from '@sluice/mesh';
import {
  type EvaluateAllRequest,
  type EvaluateAllResponse,
  type EvaluateRequest,
  type EvaluateResponse,
  type GetRulesetRequest,
  Heartbeat,
  type ListSetsResponse,
  type Provenance,
  type SetRef,
  type User,
  type WatchRulesetRequest,
  WatchRulesetResponse,
} from '@sluice/proto';
import type { Follower, Holdings, Standing } from '@sluice/replica';
import { type Deciding, decideAll, decideKeys } from './decide.js';
import type { ExposureQueue } from './exposure-queue.js';
import { heartbeatMs } from './limits.js';
import type { Relay } from './relay.js';
import { checkKeys, readUser, tooOld, unknownSet } from './request.js';

/** What the handlers act on. */
export interface Handling {
  readonly holdings: Holdings;
  readonly follower: Pick<Follower, 'hurry'>;
  readonly relay: Relay;
  readonly exposures: Pick<ExposureQueue, 'offer'>;
  readonly countries: CountryTable | undefined;
  readonly staleAfterMs: number;
  readonly clock: Clock;
  readonly counters: { requests: number; evaluations: number };
}

export async function evaluate(handling: Handling, request: EvaluateRequest, call: Call): Promise<EvaluateResponse> {
  const set = requireSet(call.principal, request.set);
  checkKeys(request.keys);
  const deciding = decidingFor(handling, set, request.user);
  const standing = standingNow(handling, set, request.minRevision) ?? (await standingAt(handling, set, request, call));
  const at = deciding(standing);
  const decisions = decideKeys(at, request.keys);
  count(handling, decisions.length);
  if (!request.isExposureDisabled && request.user) {
    const { revision } = standing.state;
    const { traceparent } = call;
    handling.exposures.offer({ set, user: request.user, decisions, revision, timeMs: at.context.now, traceparent });
  }
  return { decisions, provenance: provenanceOf(handling, standing) };
}

export async function evaluateAll(
  handling: Handling,
  request: EvaluateAllRequest,
  call: Call,
): Promise<EvaluateAllResponse> {
  const set = requireSet(call.principal, request.set);
  const deciding = decidingFor(handling, set, request.user);
  const standing = standingNow(handling, set, request.minRevision) ?? (await standingAt(handling, set, request, call));
  const decisions = decideAll(deciding(standing));
  count(handling, decisions.length);
  return { decisions, provenance: provenanceOf(handling, standing) };
}

/** Checks the user now, and decides once it is known from which state. */
function decidingFor(
  { countries, clock, staleAfterMs }: Handling,
  set: SetRef,
  wireUser: User | undefined,
): (standing: Standing) => Deciding {
  const user = readUser(wireUser);
  return ({ state, ageMs }) => ({
    program: state.program,
    user,
    context: { now: clock.now(), environment: { tier: set.environment }, random: Math.random(), countries },
    isStale: ageMs > staleAfterMs,
  });
}

/** The set's newest state, if it is new enough already. */
function standingNow({ holdings }: Handling, set: SetRef, minRevision: number): Standing | undefined {
  const standing = holdings.standing(set);
  return standing && standing.state.revision >= minRevision ? standing : undefined;
}

/**
 * Waits for the revision that the caller has to see, as long as the caller does.
 * @throws SluiceError `not_found` for unknown sets, `precondition` when it does not come.
 */
async function standingAt(
  { holdings, follower }: Handling,
  set: SetRef,
  { minRevision }: { readonly minRevision: number },
  call: Call,
): Promise<Standing> {
  if (!holdings.get(set)) throw unknownSet(holdings, set);
  follower.hurry();
  await holdings.waitFor(set, minRevision, call.remainingMs(), call.signal);
  const standing = holdings.standing(set);
  if (standing && standing.state.revision >= minRevision) return standing;
  throw tooOld(set, standing?.state.revision ?? 0, minRevision);
}

function provenanceOf({ staleAfterMs }: Handling, { state, ageMs }: Standing): Provenance {
  return { set: state.set, revision: state.revision, ageMs, isStale: ageMs > staleAfterMs };
}

function count({ counters }: Handling, decisions: number): void {
  counters.requests++;
  counters.evaluations += decisions;
}

/** The sets that the caller may read. */
export function listSets({ holdings }: Handling, call: Call): ListSetsResponse {
  requireKind(call.principal, 'server', 'console');
  const states = holdings.all().map(({ state }) => state);
  const visible = states.filter(({ set }) => covers(call.principal, set));
  return {
    sets: visible.map(({ set, revision, stateHash, committedAtMs }) => ({
      set,
      revision,
      stateHash: Buffer.from(stateHash),
      committedAtMs,
    })),
  };
}

/** The whole ruleset, as the bytes of a GetRulesetResponse. */
export function getRuleset({ holdings, relay }: Handling, request: GetRulesetRequest, call: Call): Uint8Array {
  requireKind(call.principal, 'server', 'console');
  const set = requireSet(call.principal, request.set);
  const state = holdings.get(set);
  if (!state) throw unknownSet(holdings, set);
  return relay.snapshot(state);
}

/**
 * What the caller misses, then each change, and heartbeats in between, as the bytes of
 * WatchRulesetResponses. The caller's place is all that is kept for it: one that reads slowly
 * skips to a snapshot when it falls too far behind, and takes no memory meanwhile.
 */
export async function* watchRuleset(
  { holdings, relay, clock }: Handling,
  request: WatchRulesetRequest,
  call: Call,
): AsyncGenerator<Uint8Array> {
  requireKind(call.principal, 'server', 'console');
  const set = requireSet(call.principal, request.set);
  let place: { revision: number; stateHash: Uint8Array } = request;
  while (!call.signal.aborted) {
    const standing = holdings.standing(set);
    if (!standing) throw unknownSet(holdings, set);
    const { messages, place: next } = relay.since(standing.state, place);
    place = next;
    if (messages.length === 0) yield heartbeatOf(standing, clock.now());
    else yield* messages;
    await relay.changed(set, place.revision, heartbeatMs, call.signal);
  }
}

function heartbeatOf({ state, ageMs }: Standing, nowMs: number): Uint8Array {
  const { revision, stateHash } = state;
  const value = Heartbeat.create({ revision, stateHash: Buffer.from(stateHash), nowMs, ageMs });
  return WatchRulesetResponse.encode({ item: { $case: 'heartbeat', value } }).finish();
}
