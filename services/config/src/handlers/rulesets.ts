import { type Call, covers, notFound, requireKind, requireSet, SluiceError, unavailable } from '@sluice/mesh';
import {
  type GetRulesetRequest,
  GetRulesetResponse,
  type ListSetsResponse,
  type SetRef,
  type WatchRulesetRequest,
  WatchRulesetResponse,
} from '@sluice/proto';
import { Bell } from '../bell.js';
import type { Context } from '../context.js';
import type { Feed, Place } from '../feed.js';
import { readPast } from '../history.js';
import { readLineage, readLineages } from '../lineage.js';
import { setKey } from '../names.js';
import { listSets } from '../store.js';
import { readHead } from './entities.js';

const heartbeatMs = 1_000;

export async function handleListSets({ db }: Context, { principal }: Call): Promise<ListSetsResponse> {
  requireKind(principal, 'console', 'server');
  const [sets, lineages] = await Promise.all([listSets(db), readLineages(db)]);
  const visible = sets.filter(({ set }) => covers(principal, set));
  return { sets: visible.map((state) => ({ ...state, lineage: lineages.get(setKey(state.set)) })) };
}

/** The ruleset as the bytes of a GetRulesetResponse. */
export async function handleGetRuleset(
  context: Context,
  { set: asked, revision }: GetRulesetRequest,
  { principal }: Call,
): Promise<Uint8Array> {
  requireKind(principal, 'console', 'server');
  const set = requireSet(principal, asked);
  const head = await readHead(context, set);
  if (revision === 0 || revision === head.revision) {
    return context.snapshots.messageOf(set, head, await readLineage(context.db, set));
  }
  const frame = await readPast(context.db, set, revision);
  if (frame) return GetRulesetResponse.encode({ frame }).finish();
  throw notFound('revision', `there is no revision ${revision} of ${setKey(set)}; the newest is ${head.revision}`);
}

/**
 * What was missed, or a snapshot; then each change as it happens, and a heartbeat each second, as
 * the bytes of WatchRulesetResponses. Whoever claims a revision with another hash, or of another
 * lineage, holds something else, and gets a snapshot.
 */
export async function* handleWatchRuleset(
  context: Context,
  request: WatchRulesetRequest,
  call: Call,
): AsyncGenerator<Uint8Array> {
  requireKind(call.principal, 'console', 'server');
  const set = requireSet(call.principal, request.set);
  const bell = new Bell(call.signal);
  const { feed, leave } = context.frames.enter(set, () => bell.ring());
  let place: Place = request;
  try {
    while (!call.signal.aborted) {
      const next = await nextOf(context, set, feed, place, call.signal);
      place = next.place;
      yield* next.messages;
      yield heartbeat(context, place);
      // Not all at the same moment: a thousand heartbeats in one go would keep calls waiting.
      await bell.wait(heartbeatMs * (0.75 + Math.random() / 4));
      await context.turnstile.pass();
    }
  } finally {
    leave();
    bell.close();
  }
}

async function nextOf(
  context: Context,
  set: SetRef,
  feed: Feed,
  place: Place,
  signal: AbortSignal,
): Promise<{ readonly messages: readonly Uint8Array[]; readonly place: Place }> {
  const standing = await feed.standing().catch((error: unknown) => refuseForNow(set, error));
  const missed = feed.since(place);
  if (missed) return missed;
  const head = await readHead(context, set).catch((error: unknown) => refuseForNow(set, error));
  // The feed has yet to hear of a change that the head has already.
  if (head.revision !== standing.revision) feed.spoil();
  const { lineage } = standing;
  const message = context.snapshots.messageOf(set, head, lineage);
  await context.pacer.admit(message.length, signal);
  return { messages: [message], place: { revision: head.revision, stateHash: head.stateHash, lineage } };
}

function refuseForNow(set: SetRef, error: unknown): never {
  if (error instanceof SluiceError && error.kind === 'not_found') throw error;
  throw unavailable(`${setKey(set)} can't be read now; connect again soon.`, error);
}

function heartbeat({ clock }: Context, { revision, stateHash, lineage }: Place): Uint8Array {
  const value = { revision, stateHash: Buffer.from(stateHash), nowMs: clock.now(), ageMs: 0, lineage };
  return WatchRulesetResponse.encode({ item: { $case: 'heartbeat', value } }).finish();
}
