/** One function for each RPC: check, act, encode. */
import { type CountryTable, type Decision as EngineDecision, initializeResponse, type User } from '@sluice/engine';
import { type Call, type Clock, covers, type Pacer, pinnedRevision, requireKind, requireSet } from '@sluice/mesh';
import type {
  EvaluateAllRequest,
  EvaluateRequest,
  EvaluateResponse,
  ExplainRequest,
  ExplainResponse,
  GetRulesetRequest,
  InitializeClientRequest,
  InitializeClientResponse,
  ListSetsResponse,
  SetRef,
  WatchRulesetRequest,
} from '@sluice/proto';
import { type Bases, type Basis, basisLater, basisNow, type Patience, unknownSet, type Wanted } from './basis.js';
import { type Deciding, decideAll, decideKeys, encode } from './decide.js';
import { encodeAll } from './encoded.js';
import { explainKey } from './explain.js';
import type { ExposureQueue } from './exposure-queue.js';
import { heartbeatMs } from './limits.js';
import { type Place, type Relay, wrapFrame } from './relay.js';
import { checkKey, checkKeys, readInitialize, readUser } from './request.js';

/** What the handlers act on. */
export interface Handling extends Bases {
  readonly relay: Relay;
  readonly pacer: Pick<Pacer, 'admit'>;
  readonly exposures: Pick<ExposureQueue, 'offer'>;
  readonly countries: CountryTable | undefined;
  readonly clock: Clock;
  readonly counters: { requests: number; evaluations: number };
}

/** What decides how a call is answered, besides its request. */
type Caller = Pick<Call, 'principal'> & Partial<Pick<Call, 'baggage'>>;

/** Answers at once, or waits for the revision that the caller wants for as long as `patience` lasts. */
export function evaluate(
  handling: Handling,
  request: EvaluateRequest,
  call: Caller & Pick<Call, 'traceparent'>,
  patience: Patience,
): EvaluateResponse | Promise<EvaluateResponse> {
  const set = setOf(call, request);
  checkKeys(request.keys);
  const user = readUser(request.user);
  const wanted = wantedOf(set, request, call);
  const basis = basisNow(handling, wanted);
  const answer = (from: Basis): EvaluateResponse => answerFrom(handling, from, request, user, call.traceparent);
  return basis ? answer(basis) : basisLater(handling, wanted, patience).then(answer);
}

/** What a request asks for itself goes before what its baggage says for all hops. */
function wantedOf(
  set: SetRef,
  request: Pick<EvaluateRequest, 'minRevision' | 'atRevision' | 'pinnedRevision'>,
  { baggage, principal }: Caller,
): Wanted {
  const { minRevision, atRevision, pinnedRevision: own } = request;
  const pin = own || pinnedRevision(baggage, set);
  return { set, minRevision, atRevision, pin, mayFetch: principal.kind !== 'client' };
}

function answerFrom(
  handling: Handling,
  basis: Basis,
  request: EvaluateRequest,
  user: User,
  traceparent: string | undefined,
): EvaluateResponse {
  const { provenance } = basis;
  const consulted: EngineDecision[] = [];
  const deciding = { ...decidingFrom(handling, basis, user), consulted };
  const decisions = decideKeys(deciding, request.keys);
  count(handling, decisions.length);
  const isReplay = request.atRevision !== 0;
  if (!request.isExposureDisabled && !isReplay && request.user && provenance.set) {
    const { set, revision } = provenance;
    const timeMs = deciding.context.now;
    const seen = consulted.length === 0 ? decisions : [...decisions, ...consulted.map((one) => encode(deciding, one))];
    handling.exposures.offer({ set, user: request.user, decisions: seen, revision, timeMs, traceparent });
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

/** The document that client SDKs start from; logs no exposures. */
export async function initializeClient(
  handling: Handling,
  request: InitializeClientRequest,
  call: Call,
): Promise<InitializeClientResponse> {
  // It is for backends to hand on, and may be asked for another app than the caller's.
  requireKind(call.principal, 'server', 'console');
  const set = requireSet(call.principal, request.set);
  const user = readUser(request.user);
  const options = readInitialize(request);
  const basis = await basisFor(handling, set, { ...request, atRevision: 0 }, call);
  const { program, context } = decidingFrom(handling, basis, user);
  const document = initializeResponse(program, user, context, options);
  count(handling, 1);
  return { documentJson: JSON.stringify(document), provenance: basis.provenance };
}

/** The set that is asked about. The past costs more than the present, and is not for everybody's app. */
function setOf({ principal }: Pick<Call, 'principal'>, request: EvaluateRequest | EvaluateAllRequest): SetRef {
  if (request.atRevision !== 0) requireKind(principal, 'server', 'console');
  return requireSet(principal, request.set);
}

async function basisFor(
  handling: Handling,
  set: SetRef,
  request: Pick<EvaluateRequest, 'minRevision' | 'atRevision' | 'pinnedRevision'>,
  call: Call,
): Promise<Basis> {
  const wanted = wantedOf(set, request, call);
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
    sets: visible.map(({ set, revision, stateHash, committedAtMs, lineage }) => ({
      set,
      revision,
      stateHash: Buffer.from(stateHash),
      committedAtMs,
      lineage: lineage || undefined,
    })),
  };
}

/** The whole ruleset, as the bytes of a GetRulesetResponse; past revisions come from config. */
export async function getRuleset(
  { holdings, relay, pacer, replays }: Handling,
  { set: asked, revision }: GetRulesetRequest,
  call: Call,
): Promise<Uint8Array> {
  requireKind(call.principal, 'server', 'console');
  const set = requireSet(call.principal, asked);
  const state = holdings.get(set);
  if (!state) throw unknownSet(holdings, set);
  const isNewest = revision === 0 || revision === state.revision;
  const message = isNewest ? relay.snapshot(state) : wrapFrame(await replays.fetch(set, revision, 'revision', call));
  call.park();
  await pacer.admit(message.length, call.signal);
  return message;
}

/**
 * What the caller misses, then each change, and heartbeats in between, as the bytes of
 * WatchRulesetResponses. The caller's place is all that is kept for it: one that reads slowly
 * skips to a snapshot when it falls too far behind, and takes no memory meanwhile.
 */
export async function* watchRuleset(
  handling: Handling,
  request: WatchRulesetRequest,
  call: Call,
): AsyncGenerator<Uint8Array> {
  requireKind(call.principal, 'server', 'console');
  const set = requireSet(call.principal, request.set);
  const leave = handling.relay.enter(set);
  try {
    yield* follow(handling, set, request, call.signal);
  } finally {
    leave();
  }
}

async function* follow(
  { holdings, relay, pacer, clock }: Handling,
  set: SetRef,
  from: Place,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  let place = from;
  while (!signal.aborted) {
    let standing = holdings.standing(set);
    if (!standing) throw unknownSet(holdings, set);
    let next = relay.since(standing.state, place);
    if (next.isSnapshot) {
      await pacer.admit(next.messages[0]?.length ?? 0, signal);
      if (signal.aborted) return;
      // What was the newest when the wait began may not be any more.
      standing = holdings.standing(set) ?? standing;
      next = relay.since(standing.state, place);
    }
    place = next.place;
    if (next.messages.length === 0) yield relay.heartbeat(standing, clock.now());
    else yield* next.messages;
    // Not all at the same moment: a thousand heartbeats in one go would keep calls waiting.
    await relay.changed(set, place.revision, heartbeatMs * (0.75 + Math.random() / 4), signal);
  }
}
