import { type Call, covers, notFound, requireKind, requireSet, unavailable } from '@sluice/mesh';
import type {
  Frame,
  GetRulesetRequest,
  GetRulesetResponse,
  ListSetsResponse,
  SetRef,
  WatchRulesetRequest,
  WatchRulesetResponse,
} from '@sluice/proto';
import { Bell } from '../bell.js';
import type { Context } from '../context.js';
import type { Head } from '../head.js';
import { readPast } from '../history.js';
import { readLineage, readLineages } from '../lineage.js';
import { setKey } from '../names.js';
import { listSets } from '../store.js';
import { readHead } from './entities.js';

const heartbeatMs = 1_000;
/** Stands for a watcher that holds nothing: it gets a snapshot, also of an empty set. */
const nothing = -1;

export async function handleListSets({ db }: Context, { principal }: Call): Promise<ListSetsResponse> {
  requireKind(principal, 'console', 'server');
  const [sets, lineages] = await Promise.all([listSets(db), readLineages(db)]);
  const visible = sets.filter(({ set }) => covers(principal, set));
  return { sets: visible.map((state) => ({ ...state, lineage: lineages.get(setKey(state.set)) })) };
}

export async function handleGetRuleset(
  context: Context,
  { set: asked, revision }: GetRulesetRequest,
  { principal }: Call,
): Promise<GetRulesetResponse> {
  requireKind(principal, 'console', 'server');
  const set = requireSet(principal, asked);
  const head = await readHead(context, set);
  if (revision === 0 || revision === head.revision) {
    return { frame: snapshotOf(set, head, await readLineage(context.db, set)) };
  }
  const frame = await readPast(context.db, set, revision);
  if (frame) return { frame };
  throw notFound('revision', `there is no revision ${revision} of ${setKey(set)}; the newest is ${head.revision}`);
}

/** What was missed, or a snapshot; then each change as it happens, and a heartbeat each second. */
export async function* handleWatchRuleset(
  context: Context,
  request: WatchRulesetRequest,
  call: Call,
): AsyncGenerator<WatchRulesetResponse> {
  requireKind(call.principal, 'console', 'server');
  const set = requireSet(call.principal, request.set);
  const bell = new Bell(call.signal);
  const unsubscribe = context.frames.subscribe(set, () => bell.ring());
  const head = await readHead(context, set);
  const lineage = await readLineage(context.db, set);
  let revision = isHeld(head, lineage, request) ? request.revision : nothing;
  let stateHash: Uint8Array = request.stateHash;
  try {
    while (!call.signal.aborted) {
      const frames = await framesAfter(context, set, revision);
      for (const frame of frames) {
        yield { item: { $case: 'frame', value: frame } };
        ({ revision, stateHash } = frame);
      }
      yield heartbeat(context, revision, stateHash, lineage);
      await bell.wait(heartbeatMs);
    }
  } finally {
    await unsubscribe();
    bell.close();
  }
}

/** A watcher that claims a revision of ours with another hash, or of another lineage, holds something else: it gets a snapshot. */
function isHeld(head: Head, own: string | undefined, request: WatchRulesetRequest): boolean {
  const { revision, stateHash, lineage } = request;
  if (lineage && own && lineage !== own) return false;
  if (revision === 0 || revision > head.revision) return false;
  return revision < head.revision || Buffer.compare(head.stateHash, stateHash) === 0;
}

async function framesAfter(context: Context, set: SetRef, revision: number): Promise<readonly Frame[]> {
  try {
    const frames = revision < 0 ? undefined : await context.frames.since(set, revision);
    return frames ?? [snapshotOf(set, await readHead(context, set), await readLineage(context.db, set))];
  } catch (error) {
    throw unavailable(`${setKey(set)} can't be read now; connect again soon.`, error);
  }
}

function snapshotOf(set: SetRef, head: Head, lineage: string | undefined): Frame {
  return {
    set,
    revision: head.revision,
    previousRevision: 0,
    stateHash: Buffer.from(head.stateHash),
    previousStateHash: Buffer.alloc(0),
    committedAtMs: head.committedAtMs,
    upserts: Array.from(head.entities.values(), ({ entity }) => entity),
    deletions: [],
    isElided: false,
    lineage,
  };
}

function heartbeat(
  { clock }: Context,
  revision: number,
  stateHash: Uint8Array,
  lineage: string | undefined,
): WatchRulesetResponse {
  const value = { revision, stateHash: Buffer.from(stateHash), nowMs: clock.now(), ageMs: 0, lineage };
  return { item: { $case: 'heartbeat', value } };
}
