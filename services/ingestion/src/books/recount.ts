/** Counts the rows of the store itself: an hour of one day's ids in each step, so that none takes long. */
import { SluiceError } from '@sluice/mesh';
import type { Queryable } from '@sluice/postgres';
import * as sql from './book-statements.js';

/** Project, environment, region (null for all) and the time since when rows came, Unix milliseconds. */
export type RecountScope = readonly [string | null, string | null, string | null, number];

const hourMs = 3_600_000;
const hoursOfDay = 24;

/**
 * Rows that come meanwhile may be counted or not.
 * @throws SluiceError `deadline` when `remainingMs` comes to its end first.
 */
export async function recount(database: Queryable, scope: RecountScope, remainingMs: () => number): Promise<number> {
  const days = await database.query<{ day: string }>(sql.listDays);
  let rows = await countOf(database, sql.recountStrays, scope);
  for (const { day } of days) {
    const startMs = Date.parse(day);
    for (let hour = 0; hour < hoursOfDay; hour++) {
      if (remainingMs() <= 0) throw late(day);
      const from = firstIdAt(startMs + hour * hourMs);
      rows += await countOf(database, sql.recountHour, [...scope, day, from, firstIdAt(startMs + (hour + 1) * hourMs)]);
    }
  }
  return rows;
}

async function countOf(database: Queryable, statement: typeof sql.recountStrays, values: readonly unknown[]) {
  const [row] = await database.query<{ count: number }>(statement, values);
  return row?.count ?? 0;
}

/** The lowest id whose time is not before that; the day of an id is told by the same bits. */
function firstIdAt(timeMs: number): string {
  const hex = timeMs.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-0000-0000-000000000000`;
}

function late(day: string): SluiceError {
  return new SluiceError(
    'deadline',
    `Counting the rows came as far as ${day}; give it longer, such as \`sluice books --recount 8m\`.`,
  );
}
