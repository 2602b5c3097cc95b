/** What the housekeeper does once in a while: days are made ahead, and what is too old or too much goes, a bounded step at a time. */
import type { Logger } from '@sluice/mesh';
import type { Database, Statement } from '@sluice/postgres';
import { sourcesMax } from '../limits.js';
import { dayOf } from '../writer/rows.js';
import { forgetStarts } from './forgotten-starts.js';
import * as sql from './housekeeping-statements.js';

/** For how many days what is kept. */
export interface Retention {
  /** Longer than any spool of a client, whose late events would count again. */
  readonly eventsDays: number;
  /** Since a unit was exposed last; counts by day. */
  readonly exposuresDays: number;
  readonly usageDays: number;
  readonly booksDays: number;
  readonly deadLettersDays: number;
}

/** Something that is done every so many rounds of the housekeeper. */
export interface Duty {
  readonly name: string;
  readonly everyRounds: number;
  readonly run: () => Promise<unknown>;
}

/** Half an hour of rounds of 5 s, five minutes, a day. */
const rarely = 360;
const often = 60;
const daily = 17_280;
/** Rows of one statement. */
const deleteMax = 10_000;
/** How long sources and starts of instances are known after they were heard of last. */
const silentDays = 30;
/** Days that have their partition ahead of time: while a day is empty, making it moves no rows. */
const aheadDays = 7;
const dayMs = 86_400_000;
/** Making a day looks through the default partition, however large it is: that may take longer than an everyday statement. */
const makeDayTimeoutMs = 300_000;
/** Pages of one statement that looks through a table without an index for it: 32 MiB. */
const sweepPages = 4_096;

export function retentionDuties(database: Database, logger: Logger, retention: Retention): Duty[] {
  const { eventsDays, exposuresDays, usageDays, booksDays, deadLettersDays } = retention;
  const drain =
    (statement: Statement, ...values: unknown[]) =>
    () =>
      deleteAll(database, statement, values);
  return [
    { name: 'days ahead', everyRounds: rarely, run: () => makeDaysAhead(database, Date.now()) },
    { name: 'old days', everyRounds: rarely, run: () => dropOldDays(database, logger, eventsDays) },
    { name: 'old strays', everyRounds: rarely, run: drain(sql.deleteOldStrays, eventsDays) },
    { name: 'old events without a day', everyRounds: rarely, run: drain(sql.deleteOldDayless, eventsDays) },
    { name: 'old exposures', everyRounds: daily, run: () => sweepExposures(database, exposuresDays) },
    { name: 'old counts of exposures', everyRounds: rarely, run: drain(sql.deleteOldExposureCounts, exposuresDays) },
    { name: 'old usage', everyRounds: rarely, run: drain(sql.deleteOldUsage, usageDays) },
    { name: 'old books', everyRounds: rarely, run: drain(sql.deleteOldBooks, booksDays) },
    { name: 'old dead letters', everyRounds: rarely, run: drain(sql.deleteOldLetters, deadLettersDays) },
    { name: 'surplus sources', everyRounds: often, run: drain(sql.forgetSurplusSources, sourcesMax) },
    { name: 'silent sources', everyRounds: rarely, run: () => database.query(sql.forgetSilent, [silentDays]) },
    { name: 'silent starts', everyRounds: rarely, run: () => forgetStarts(database, silentDays) },
  ];
}

/** Partitions of today and the days after it. */
export async function makeDaysAhead(database: Database, nowMs: number): Promise<void> {
  for (let ahead = 0; ahead <= aheadDays; ahead++) {
    const day = dayOf(nowMs + ahead * dayMs);
    const [found] = await database.query<{ isMade: boolean }>(sql.isDayMade, [day]);
    if (found?.isMade) continue;
    await database.transaction((tx) =>
      tx.script(`set local statement_timeout = ${makeDayTimeoutMs}; select events.ensure_day('${day}')`),
    );
  }
}

/** Each in a transaction of its own; one that somebody reads stays until the next time, and keeps no other. */
async function dropOldDays(database: Database, logger: Logger, days: number): Promise<void> {
  const failures: unknown[] = [];
  for (const { day } of await database.query<{ day: string }>(sql.oldDays, [days])) {
    try {
      const [dropped] = await database.query<{ isDropped: boolean }>(sql.dropDay, [day]);
      if (dropped?.isDropped) logger.info({ day }, 'a day of events is past its retention and was dropped');
    } catch (error) {
      failures.push(error);
    }
  }
  if (failures.length > 0) throw failures[0];
}

/** An index on when a unit was exposed last would change with every exposure: the table is looked through instead, part by part. */
async function sweepExposures(database: Database, days: number): Promise<void> {
  const [size] = await database.query<{ pages: number }>(sql.countExposurePages);
  for (let page = 0; page < (size?.pages ?? 0); page += sweepPages) {
    await database.query(sql.deleteOldExposures, [days, `(${page},0)`, `(${page + sweepPages},0)`]);
  }
}

/** The statement deletes so many rows at most, and answers how many. */
async function deleteAll(database: Database, statement: Statement, values: readonly unknown[]): Promise<void> {
  for (;;) {
    const [row] = await database.query<{ count: number }>(statement, [...values, deleteMax]);
    if ((row?.count ?? 0) < deleteMax) return;
  }
}
