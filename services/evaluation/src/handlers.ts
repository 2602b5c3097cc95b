/** One function for each RPC: check, act, encode. */
import type { CountryTable, User } from '@sluice/engine';
import { type Call, type Clock, covers, requireKind, requireSet } from '@sluice/mesh';
import {
  type EvaluateAllRequest,
  type EvaluateRequest,
  type EvaluateResponse,
  type ExplainRequest,
  type ExplainResponse,
  type GetRulesetRequest,
  Heartbeat,
  type ListSetsResponse,
  type SetRef,
  type WatchRulesetRequest,
  WatchRulesetResponse,
} from '@sluice/proto';
import type { Standing } from '@sluice/replica';
import { type Bases, type Basis, basisLater, basisNow, type Patience, unknownSet } from './basis.js';
import { type Deciding, decideAll, decideKeys } from './decide.js';
import { encodeAll } from './encoded.js';
import { explainKey } from './explain.js';
import type { ExposureQueue } from './exposure-queue.js';
import { heartbeatMs } from './limits.js';
import { type Relay, wrapFrame } from './relay.js';
import { checkKey, checkKeys, readUser } from './request.js';

/** What the handlers act on. */
export interface Handling extends Bases {
  readonly relay: Relay;
  readonly exposures: Pick<ExposureQueue, 'offer'>;
  readonly countries: CountryTable | undefined;
  readonly clock: Clock;
  readonly counters: { requests: number; evaluations: number };
}

/** Answers at once, or waits for the revision that the caller wants for as long as `patience` lasts. */
export function evaluate(
  handling: Handling,
  request: EvaluateRequest,
  call: Pick<Call, 'principal' | 'traceparent'>,
  patience: Patience,
): EvaluateResponse | Promise<EvaluateResponse> {
  const set = setOf(call, request);
  checkKeys(request.keys);
  const user = readUser(request.user);
  const { minRevision, atRevision } = request;
  const basis = basisNow(handling, { set, minRevision, atRevision });
  const answer = (from: Basis): EvaluateResponse => answerFrom(handling, from, request, user, call.traceparent);
  return basis ? answer(basis) : basisLater(handling, { set, minRevision, atRevision }, patience).then(answer);
}

function answerFrom(
  handling: Handling,
  basis: Basis,
  request: EvaluateRequest,
  user: User,
  traceparent: string | undefined,
): EvaluateResponse {
  const { provenance } = basis;
  const deciding = decidingFrom(handling, basis, user);
  const decisions = decideKeys(deciding, request.keys);
  count(handling, decisions.length);
  const isReplay = request.atRevision !== 0;
  if (!request.isExposureDisabled && !isReplay && request.user && provenance.set) {
    const { set, revision } = provenance;
    const timeMs = deciding.context.now;
    handling.exposures.offer({ set, user: request.user, decisions, revision, timeMs, traceparent });
  }
  return { decisions, provenance };
}

/** Every decision for a user, as the bytes of an EvaluateAllResponse. */
export async function evaluateAll(handling: Handling, request: EvaluateAllRequest, call: Call): Promise<Uint8Array> {
  const set = setOf(call, request);
  const user = readUser(request.user);
  const basis = await basisFor(handling, set, request, call);
  const deciding = decidingFrom(handling, basis, user);
  const decisions = decideAll(deciding);
  count(handling, decisions.length);
  return encodeAll(deciding, decisions, basis.provenance);
}

/** One decision with everything that led to it; logs no exposures. */
export async function explain(handling: Handling, request: ExplainRequest, call: Call): Promise<ExplainResponse> {
  // Rules name people: whoever holds an app in their hand must not read them.
  requireKind(call.principal, 'server', 'console');
  const set = requireSet(call.principal, request.set);
  const key = checkKey(request.key);
  const user = readUser(request.user);
  const basis = await basisFor(handling, set, request, call);
  const { decision, specs } = explainKey(decidingFrom(handling, basis, user), key);
  count(handling, 1);
  return { decision, specs, provenance: basis.provenance };
}

/** The set that is asked about. The past costs more than the present, and is not for everybody's app. */
function setOf({ principal }: Pick<Call, 'principal'>, request: EvaluateRequest | EvaluateAllRequest): SetRef {
  if (request.atRevision !== 0) requireKind(principal, 'server', 'console');
  return requireSet(principal, request.set);
}

async function basisFor(
  handling: Handling,
  set: SetRef,
  { minRevision, atRevision }: { readonly minRevision: number; readonly atRevision: number },
  call: Call,
): Promise<Basis> {
  const wanted = { set, minRevision, atRevision };
  return basisNow(handling, wanted) ?? (await basisLater(handling, wanted, call));
}

function decidingFrom({ countries, clock }: Handling, { program, provenance }: Basis, user: User): Deciding {
  const tier = provenance.set?.environment ?? '';
  const context = { now: clock.now(), environment: { tier }, random: Math.random(), countries };
  return { program, user, context, isStale: provenance.isStale };
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

/** The whole ruleset, as the bytes of a GetRulesetResponse; past revisions come from config. */
export async function getRuleset(
  { holdings, relay, replays }: Handling,
  { set: asked, revision }: GetRulesetRequest,
  call: Call,
): Promise<Uint8Array> {
  requireKind(call.principal, 'server', 'console');
  const set = requireSet(call.principal, asked);
  const state = holdings.get(set);
  if (!state) throw unknownSet(holdings, set);
  if (revision === 0 || revision === state.revision) return relay.snapshot(state);
  return wrapFrame(await replays.fetch(set, revision, 'revision', call.signal));
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
