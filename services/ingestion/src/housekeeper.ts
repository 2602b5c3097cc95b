/**
 * Keeps the store small while the writer writes: folds what transactions added into totals, drops
 * days that are too old. Every instance tries; an advisory lock lets one at a time do it.
 */
import type { Logger, Release } from '@sluice/mesh';
import { type Database, isRetryable, type Queryable, type Transaction } from '@sluice/postgres';
import { textOfError } from './data-fault.js';
import * as sql from './housekeeping-statements.js';
import { HyperLogLog } from './hyperloglog.js';
import { beginningOf, endOf, type Said } from './instance-books.js';
import { pause } from './pause.js';

export interface HousekeeperOptions {
  readonly database: Database;
  readonly logger: Logger;
  readonly retentionDays: number;
  readonly region: string;
  readonly instance: string;
  readonly startedAtMs: number;
  /** What the instance says of itself. */
  readonly readCounters: () => Record<string, number>;
}

const everyMs = 5_000;
/** Old days are looked for once in so many rounds. */
const retentionRounds = 360;
/** Rows of one transaction. */
const foldMax = 2_000;
const deleteMax = 10_000;
/** How long settled messages are known one by one: far longer than the log takes to deliver one again. */
const settledSeconds = 3_600;
/** How long sources and starts of instances are known after they were heard of last. */
const silentDays = 30;

/** Starts keeping house. Releasing says what the instance counted, a last time. */
export function startHousekeeper(options: HousekeeperOptions): Release {
  const stop = new AbortController();
  const run = async (): Promise<void> => {
    let isFailing = false;
    for (let round = 0; !stop.signal.aborted; round++) {
      try {
        await report(options);
        await foldAll(options.database);
        if (round % retentionRounds === 0) await dropOld(options.database, options.logger, options.retentionDays);
        isFailing = false;
      } catch (error) {
        if (!isFailing) options.logger.warn({ reason: textOfError(error) }, 'housekeeping waits for the store');
        isFailing = true;
      }
      await pause(everyMs, stop.signal);
    }
  };
  const finished = run();
  return async () => {
    stop.abort();
    await finished;
    // Without the store there is nobody to say it to.
    await report(options).catch(() => undefined);
  };
}

/** Writes what the instance says of itself. */
export async function report(options: HousekeeperOptions): Promise<void> {
  const { database, region, instance, startedAtMs, readCounters } = options;
  await database.query(sql.reportInstance, [region, instance, startedAtMs, JSON.stringify(readCounters())]);
}

/** Folds until nothing is left to fold. */
export async function foldAll(database: Database): Promise<void> {
  while ((await alone(database, foldUsage)) === foldMax);
  while ((await alone(database, foldSettled)) === foldMax);
}

/**
 * One snapshot for all statements: what is committed meanwhile is neither counted nor forgotten.
 * @returns 0 when another instance is at it, or was a moment ago.
 */
async function alone(database: Database, work: (tx: Transaction) => Promise<number>): Promise<number> {
  try {
    return await database.transaction(async (tx) => {
      await tx.script('set transaction isolation level repeatable read');
      const [lock] = await tx.query<{ isMine: boolean }>(sql.lockHouse);
      return lock?.isMine ? await work(tx) : 0;
    });
  } catch (error) {
    if (isRetryable(error)) return 0;
    throw error;
  }
}

interface UsageRow {
  readonly project: string;
  readonly environment: string;
  readonly day: string;
  readonly name: string;
  readonly units: Buffer;
}

/** Counts and sums are added by SQL; only the sketches have to come here and go back. */
async function foldUsage(tx: Transaction): Promise<number> {
  const [range] = await tx.query<{ count: number; lastId: bigint | null }>(sql.usageRange, [foldMax]);
  if (!range || range.lastId === null) return 0;
  const sketches = new Map<string, { row: UsageRow; units: HyperLogLog }>();
  for (const row of await tx.query<UsageRow>(sql.usageSketches, [range.lastId])) {
    for (const name of [row.name, '']) {
      const place = JSON.stringify([row.project, row.environment, row.day, name]);
      const held = sketches.get(place) ?? { row: { ...row, name }, units: new HyperLogLog() };
      sketches.set(place, held);
      held.units.mergeEncoded(row.units);
    }
  }
  const merged = [...sketches.values()];
  await tx.query(sql.mergeUsage, [
    range.lastId,
    merged.map(({ row }) => row.project),
    merged.map(({ row }) => row.environment),
    merged.map(({ row }) => row.day),
    merged.map(({ row }) => row.name),
    merged.map(({ units }) => units.encode()),
  ]);
  await tx.query(sql.forgetUsageDeltas, [range.lastId]);
  return range.count;
}

async function foldSettled(tx: Transaction): Promise<number> {
  const [folded] = await tx.query<{ count: number }>(sql.foldSettled, [settledSeconds, foldMax]);
  return folded?.count ?? 0;
}

/** Drops partitions of days before the retention, each in a transaction of its own, and what else is too old. */
export async function dropOld(database: Database, logger: Logger, retentionDays: number): Promise<void> {
  for (const { day } of await database.query<{ day: string }>(sql.oldDays, [retentionDays])) {
    const [dropped] = await database.query<{ isDropped: boolean }>(sql.dropDay, [day]);
    if (dropped?.isDropped) logger.info({ day }, 'a day of events is past its retention and was dropped');
  }
  while ((await countOf(database, sql.deleteOldStrays, [retentionDays, deleteMax])) === deleteMax);
  await database.query(sql.forgetSilent, [silentDays]);
  while ((await forgetStarts(database)) === deleteMax);
}

/** What they counted stays, added up. @returns how many there were. */
function forgetStarts(database: Database): Promise<number> {
  return database.transaction(async (tx) => {
    const gone = await tx.query<Said & { hasSuccessor: boolean }>(sql.takeSilentStarts, [silentDays, deleteMax]);
    if (gone.length > 0) {
      await tx.query(sql.addForgottenStarts, [
        gone.map(({ region }) => region),
        gone.map(({ instance }) => instance),
        gone.map(({ reportedAtMs }) => reportedAtMs),
        gone.map(({ counters, hasSuccessor }) => JSON.stringify(endOf(beginningOf(counters), hasSuccessor))),
      ]);
    }
    return gone.length;
  });
}

async function countOf(database: Queryable, statement: typeof sql.deleteOldStrays, values: unknown[]): Promise<number> {
  const [row] = await database.query<{ count: number }>(statement, values);
  return row?.count ?? 0;
}
