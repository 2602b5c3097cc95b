/** The books of the ledger: where every event is, from the sources to the store. */
import { setTimeout as delay } from 'node:timers/promises';
import type { Bus } from '@sluice/bus';
import { type Call, forbidden, invalid, requireKind, requireSet } from '@sluice/mesh';
import type { Database } from '@sluice/postgres';
import {
  type GetBooksRequest,
  type GetBooksResponse,
  type InstanceBooks,
  type SetRef,
  type SourceBooks,
  SourceReport,
  type StoreBooks,
} from '@sluice/proto';
import { eventShards } from '../log/shards.js';
import { problemsOf } from './balance.js';
import * as sql from './book-statements.js';
import {
  foldStarts,
  isOnItsWay,
  leftBehind,
  logsElsewhere,
  pendingIn,
  placeOf,
  regionBooksOf,
  type Said,
} from './instance-books.js';
import { recount } from './recount.js';

export interface Bookkeeping {
  readonly database: Database;
  readonly bus: Pick<Bus, 'streamState'>;
  readonly region: string;
  readonly retentionDays: number;
  /** Says what this instance counted, so that the books have it. */
  readonly report: () => Promise<void>;
}

const hourMs = 3_600_000;
const dayMs = 86_400_000;
/** Sources that are checked, and those of them that are listed. */
const sourcesMax = 1_000;
const listedMax = 100;
/** What is found wrong is looked at again after this, in milliseconds: reading takes time, and meanwhile things move. */
const secondLookMs = 500;
/** Of the call's time, what is left for the rest when rows are counted, in milliseconds. */
const recountMarginMs = 1_000;

export async function getBooks(
  bookkeeping: Bookkeeping,
  request: GetBooksRequest,
  call: Call,
): Promise<GetBooksResponse> {
  const filter = filterOf(request, call);
  // Half of the call's time is for each look.
  const secondMs = Number.isFinite(call.remainingMs()) ? call.remainingMs() / 2 : 0;
  const first = await readBooks(bookkeeping, filter, () => call.remainingMs() - secondMs);
  if (first.problems.length === 0) return first;
  await delay(secondLookMs);
  return readBooks(bookkeeping, filter, () => call.remainingMs() - recountMarginMs);
}

interface Filter {
  readonly set: SetRef | undefined;
  readonly region: string | null;
  readonly sourceId: string | null;
  readonly sinceMs: number;
  readonly isRecounted: boolean;
}

function filterOf(
  { set: asked, region, sourceId, sinceMs, isRecounted }: GetBooksRequest,
  { principal }: Call,
): Filter {
  requireKind(principal, 'console', 'server');
  if (sinceMs < 0) throw invalid('since_ms', 'is negative; send Unix milliseconds, or 0 for all');
  for (const [field, text] of [
    ['region', region],
    ['source_id', sourceId],
  ] as const) {
    if (text.includes('\0')) throw invalid(field, 'has a NUL character; remove it');
  }
  const isForEverything = principal.project === '' && principal.kind !== 'server';
  if (!asked && !isForEverything && principal.environment === '') {
    throw forbidden('Books of everything need a key for everything; name a set that this key reaches.');
  }
  const set = asked || !isForEverything ? requireSet(principal, asked) : undefined;
  const hour = sinceMs - (sinceMs % hourMs);
  return { set, region: region || null, sourceId: sourceId || null, sinceMs: hour, isRecounted };
}

async function readBooks(
  bookkeeping: Bookkeeping,
  filter: Filter,
  remainingMs: () => number,
): Promise<GetBooksResponse> {
  const { database, report, region, retentionDays } = bookkeeping;
  const { set, sinceMs } = filter;
  const nowMs = Date.now();
  await report();
  const pending = await messagesPending(bookkeeping);
  const ofSet = [set?.project ?? null, set?.environment ?? null] as const;
  const scope = [...ofSet, filter.region, sinceMs] as const;
  const before = filter.isRecounted ? await database.query<TakenRow>(sql.readInstances, scope) : [];
  const recounted = filter.isRecounted ? await recount(database, scope, remainingMs) : undefined;
  const taken = await database.query<TakenRow>(sql.readInstances, scope);
  const forgotten = await database.query<Said>(sql.readForgottenStarts, [filter.region]);
  const starts = await database.query<Said>(sql.readStarts, [filter.region]);
  const rows = await database.query<SourceRow>(sql.readSources, [
    ...[...ofSet, filter.region, filter.sourceId],
    ...[sinceMs, sourcesMax],
  ]);
  const [letters] = await database.query<{ count: number }>(sql.countDeadLetters, ofSet);
  const all = foldStarts(forgotten, starts);
  const logs = logsElsewhere(all.values(), region);
  const inLogs = (pending ?? 0) + pendingIn(logs, nowMs);
  // What everybody has on the way says whether a set is at rest; how much that is, is not for those who see one set.
  const says = set ? new Map<string, Said>() : all;
  const store: StoreBooks = {
    ...totalOf(taken),
    deadLetters: letters?.count ?? 0,
    messagesPending: set ? 0 : inLogs,
    recounted,
  };
  const instances = instancesOf(taken, says);
  const regions = regionBooksOf(says.values(), taken);
  const sources = rows.map(sourceOf);
  const isMoving = pending === undefined || inLogs > 0 || [...all.values()].some((said) => isOnItsWay(said, nowMs));
  const isWhole = !set && filter.sourceId === null && sinceMs === 0;
  const oldestMs = Math.max(sinceMs, Math.min(...taken.map((row) => row.sinceMs), nowMs));
  const isRetained = oldestMs > nowMs - retentionDays * dayMs;
  const storedBefore = totalOf(before).stored;
  const left = leftBehind([...says.values()].filter(isSince(sinceMs)), set ? [] : logs.filter(isSince(sinceMs)), nowMs);
  const problems = [
    ...problemsOf({ store, storedBefore, instances, regions, sources, isMoving, isWhole, isRetained }),
    ...left,
  ];
  const listed = sources.slice(0, listedMax);
  return { store, instances, sources: listed, problems, isMoving, regions };
}

const isSince =
  (sinceMs: number) =>
  ({ reportedAtMs }: Said): boolean =>
    reportedAtMs >= sinceMs;

/** Of this region; undefined when a shard does not answer, and so may hold something. */
async function messagesPending({ bus }: Bookkeeping): Promise<number | undefined> {
  try {
    const states = await Promise.all(eventShards.map(({ stream }) => bus.streamState(stream)));
    return sumOf(states.map(({ messages }) => messages));
  } catch {
    return undefined;
  }
}

interface TakenRow {
  readonly region: string;
  readonly instance: string;
  readonly messages: number;
  readonly messagesBuried: number;
  readonly taken: number;
  readonly stored: number;
  readonly duplicate: number;
  readonly buried: number;
  readonly sinceMs: number;
}

function totalOf(rows: readonly TakenRow[]) {
  const total = (name: 'messages' | 'messagesBuried' | 'taken' | 'stored' | 'duplicate' | 'buried'): number =>
    sumOf(rows.map((row) => row[name]));
  return {
    ...{ messages: total('messages'), messagesBuried: total('messagesBuried'), taken: total('taken') },
    ...{ stored: total('stored'), duplicate: total('duplicate'), buried: total('buried') },
  };
}

function instancesOf(rows: readonly TakenRow[], says: ReadonlyMap<string, Said>): InstanceBooks[] {
  const taken = new Map(rows.map((row) => [placeOf(row), row]));
  const places = [...new Set([...taken.keys(), ...says.keys()])].sort();
  return places.flatMap((place) => {
    const row = taken.get(place);
    const said = says.get(place);
    const named = row ?? said;
    // Messages that can't be read come from nobody.
    if (!named || (named.instance === '' && named.region === '')) return [];
    return {
      ...{ region: named.region, instance: named.instance, taken: row?.taken ?? 0, stored: row?.stored ?? 0 },
      ...{ duplicate: row?.duplicate ?? 0, buried: row?.buried ?? 0 },
      counters: said?.counters ?? {},
      reportedAtMs: said?.reportedAtMs ?? 0,
    };
  });
}

interface SourceRow {
  readonly project: string;
  readonly environment: string;
  readonly sourceId: string;
  readonly region: string;
  readonly report: Buffer | null;
  readonly accepted: number;
  readonly duplicate: number;
  readonly rejected: Record<string, number>;
  readonly lastSeenAtMs: number;
  readonly arrived: number;
  /** The highest number that arrived. */
  readonly highest: number;
  readonly gaps: string[];
}

function sourceOf(row: SourceRow): SourceBooks {
  const { project, environment, report: encoded, highest, gaps, arrived, ...rest } = row;
  const report = encoded ? SourceReport.decode(encoded) : undefined;
  const last = Math.max(report?.sequenced ?? 0, highest);
  const behind = last === highest ? [] : [highest + 1 === last ? `${last}` : `${highest + 1}-${last}`];
  return {
    ...rest,
    set: { project, environment },
    report,
    arrived,
    missing: last - arrived,
    gaps: [...gaps, ...behind],
  };
}

function sumOf(counts: readonly (number | undefined)[]): number {
  return counts.reduce<number>((sum, count) => sum + (count ?? 0), 0);
}
