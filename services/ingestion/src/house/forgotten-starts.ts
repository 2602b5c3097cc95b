/** Instances that are no more: what their starts counted stays, added up, so that the books go on without them. */
import type { Database } from '@sluice/postgres';
import { beginningOf, endOf, type Said } from '../books/instance-books.js';
import * as sql from './housekeeping-statements.js';

/** Starts of one transaction. */
const startsMax = 1_000;

/** Forgets the starts that were heard of last so many days ago. */
export async function forgetStarts(database: Database, silentDays: number): Promise<void> {
  while ((await forgetSome(database, silentDays)) === startsMax);
}

/** @returns how many there were. */
function forgetSome(database: Database, silentDays: number): Promise<number> {
  return database.transaction(async (tx) => {
    const gone = await tx.query<Said & { hasSuccessor: boolean }>(sql.takeSilentStarts, [silentDays, startsMax]);
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
