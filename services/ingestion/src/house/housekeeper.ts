/**
 * Keeps the store small while the writer writes: folds what transactions added into totals, makes days
 * ahead, drops what is too old. Every instance tries; an advisory lock lets one at a time fold. Each
 * duty stands for itself: one that fails comes again soon, and keeps no other from its turn.
 */
import type { Logger, Release } from '@sluice/mesh';
import { type Database, isRetryable, type Transaction } from '@sluice/postgres';
import { otherName, usageNamesMax } from '../limits.js';
import { pause } from '../pause.js';
import { HyperLogLog } from '../usage/hyperloglog.js';
import { textOfError } from '../writer/data-fault.js';
import * as sql from './housekeeping-statements.js';
import { type Duty, type Retention, retentionDuties } from './retention.js';

export interface HousekeeperOptions {
  readonly database: Database;
  readonly logger: Logger;
  readonly retention: Retention;
  readonly region: string;
  readonly instance: string;
  readonly startedAtMs: number;
  /** What the instance says of itself. */
  readonly readCounters: () => Record<string, number>;
}

const everyMs = 5_000;
/** A duty that failed comes again after so many rounds, if not sooner. */
const retryRounds = 12;
/** Rows of one transaction. */
const foldMax = 2_000;
/** How long settled messages are known one by one: far longer than the log takes to deliver one again. */
const settledSeconds = 3_600;

/** Starts keeping house. Releasing says what the instance counted, a last time. */
export function startHousekeeper(options: HousekeeperOptions): Release {
  const { database, logger, retention } = options;
  const stop = new AbortController();
  const fold: Duty = { name: 'fold', everyRounds: 1, run: () => foldAll(database) };
  const duties = createDuties([fold, ...retentionDuties(database, logger, retention)], logger);
  const run = async (): Promise<void> => {
    let isFailing = false;
    for (let round = 0; !stop.signal.aborted; round++) {
      try {
        await report(options);
        await duties(round, stop.signal);
        isFailing = false;
      } catch (error) {
        if (!isFailing) logger.warn({ reason: textOfError(error) }, 'housekeeping waits for the store');
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

/** @returns what does all that is due in a round, whatever becomes of the rest. */
export function createDuties(duties: readonly Duty[], logger: Logger) {
  const dueRounds = new Map<Duty, number>();
  const failing = new Set<Duty>();
  return async (round: number, signal: AbortSignal): Promise<void> => {
    for (const duty of duties) {
      if (signal.aborted || (dueRounds.get(duty) ?? 0) > round) continue;
      try {
        await duty.run();
        dueRounds.set(duty, round + duty.everyRounds);
        failing.delete(duty);
      } catch (error) {
        dueRounds.set(duty, round + Math.min(duty.everyRounds, retryRounds));
        if (!failing.has(duty))
          logger.warn(
            { duty: duty.name, reason: textOfError(error) },
            'housekeeping goes on without a duty that failed',
          );
        failing.add(duty);
      }
    }
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
  await tx.query(sql.foldSurplusNames, [range.lastId, usageNamesMax, otherName]);
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
