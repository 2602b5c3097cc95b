import { eventsOf, migrationsUrl, readUsage, type Taken, take, writeBatch } from '@sluice/ingestion/ledger-store';
import { silentLogger } from '@sluice/mesh';
import { type Database, migrate, openDatabase } from '@sluice/postgres';
import { type Event, EventBatch } from '@sluice/proto';
import { withDatabase } from '@sluice/testkit';
import { eventOf, set } from './ingestion-room.js';

export const subject = 'events.v1.shop.production';
export const nowMs = Date.now();
export const dayMs = 86_400_000;

export function withStore(use: (database: Database) => Promise<void>): Promise<void> {
  return withDatabase(async (url) => {
    const database = await openDatabase({ url, applicationName: 'test', logger: silentLogger });
    try {
      await migrate(database, { schema: 'events', directory: migrationsUrl });
      await use(database);
    } finally {
      await database.close();
    }
  });
}

let sequence = 0;

export const batchOf = (part: Partial<EventBatch>): EventBatch => ({
  ...EventBatch.fromPartial({}),
  ...{ set, instance: 'i', region: 'r', receivedAtMs: nowMs },
  ...part,
});

/** A message of the log; the same place makes it the same message. */
export function messageOf(part: Partial<EventBatch>, place = { sequence: ++sequence, stream: 'EVENTS' }): Taken {
  const data = EventBatch.encode(batchOf(part)).finish();
  return take({ subject, data, sequence: place.sequence, publishedAtMs: nowMs + place.sequence }, place.stream);
}

export async function rowsOf<Row extends object>(database: Database, text: string): Promise<Row[]> {
  return database.query<Row>({ name: '', text });
}

export const namesOf = async (database: Database): Promise<string[]> =>
  (await rowsOf<{ name: string }>(database, 'select name from events.event order by name')).map(({ name }) => name);

export const settledOf = async (database: Database) => {
  const [row] = await rowsOf<{ books: number[] }>(
    database,
    `select array[sum(events), sum(stored), sum(duplicate), sum(buried)]::float8[] as books from events.settled`,
  );
  return row?.books;
};

export const countOf = async (database: Database, name: string): Promise<number> =>
  eventsOf(await readUsage(database, set, name, '-infinity', 'infinity')).count;

export const someEvents = (count: number, part: Partial<Event> = {}): Event[] =>
  Array.from({ length: count }, () => eventOf(part));

export function garbage(): Taken {
  return take({ subject, data: Buffer.from('no batch at all'), sequence: ++sequence, publishedAtMs: nowMs }, 'EVENTS');
}

/** Text that does not compress: PostgreSQL measures keys after it tried. */
export function randomText(length: number): string {
  return Array.from({ length }, () => Math.random().toString(36)[2] ?? 'x').join('');
}

/** Writers that meet may make each other try again. */
export async function untilWritten(database: Database, message: Taken) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await writeBatch(database, [message]);
    } catch (error) {
      if (attempt === 20) throw error;
    }
  }
}
