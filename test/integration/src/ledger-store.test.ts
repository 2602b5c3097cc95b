import assert from 'node:assert/strict';
import {
  dropOld,
  eventsOf,
  foldAll,
  migrationsUrl,
  readExposures,
  readUsage,
  type Taken,
  take,
  usageOf,
  writeBatch,
} from '@sluice/ingestion/ledger-store';
import { silentLogger } from '@sluice/mesh';
import { type Database, migrate, openDatabase } from '@sluice/postgres';
import { type Event, EventBatch, Exposure, ExposureKind, Receipt, SourceReport, User } from '@sluice/proto';
import { withDatabase } from '@sluice/testkit';
import { v7 } from 'uuid';
import { eventOf, set } from './ingestion-room.js';

const subject = 'events.v1.shop.production';
const nowMs = Date.now();
const dayMs = 86_400_000;

function withStore(use: (database: Database) => Promise<void>): Promise<void> {
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

/** A message of the log; the same place makes it the same message. */
function messageOf(part: Partial<EventBatch>, place = { sequence: ++sequence, stream: 'EVENTS' }): Taken {
  const batch = { ...EventBatch.fromPartial({}), set, instance: 'i', region: 'r', receivedAtMs: nowMs, ...part };
  const data = EventBatch.encode(batch).finish();
  return take({ subject, data, sequence: place.sequence, publishedAtMs: nowMs + place.sequence }, place.stream);
}

async function rowsOf<Row extends object>(database: Database, text: string): Promise<Row[]> {
  return database.query<Row>({ name: '', text });
}

const namesOf = async (database: Database): Promise<string[]> =>
  (await rowsOf<{ name: string }>(database, 'select name from events.event order by name')).map(({ name }) => name);

const settledOf = async (database: Database) => {
  const [row] = await rowsOf<{ books: number[] }>(
    database,
    `select array[sum(events), sum(stored), sum(duplicate), sum(buried)]::float8[] as books from events.settled`,
  );
  return row?.books;
};

const countOf = async (database: Database, name: string): Promise<number> =>
  eventsOf(await readUsage(database, set, name, '-infinity', 'infinity')).count;

const someEvents = (count: number, part: Partial<Event> = {}): Event[] =>
  Array.from({ length: count }, () => eventOf(part));

describe('writing a batch', function () {
  this.timeout(60_000);

  it('stores every field as it is, by COPY', () =>
    withStore(async (database) => {
      const user = User.fromPartial({ userId: 'ä "user" \\', customIds: { company: 'c\t1' }, email: 'a@b.c' });
      const events = [
        eventOf({ name: 'whole', user, value: { $case: 'numberValue', value: -1.5 }, metadataJson: '{"a":[1,"ü"]}' }),
        eventOf({ name: 'bare', timeMs: 1_420_070_400_001, value: { $case: 'stringValue', value: '' } }),
      ];
      const written = await writeBatch(database, [messageOf({ events, skewsMs: [-7, 0] })]);
      assert.deepEqual(
        { ...written },
        { stored: 2, duplicate: 0, exposures: 0, repeated: 0, buried: [], way: 'copied' },
      );
      const stored = await rowsOf<Record<string, unknown>>(database, 'select * from events.event order by name desc');
      assert.deepEqual(
        stored.map((row) => ({ ...row, id_day: undefined })),
        [
          {
            ...{ project: 'shop', environment: 'production', event_id: events[0]?.id, name: 'whole', skew_ms: -7n },
            ...{ happened_at: new Date(events[0]?.timeMs ?? 0), received_at: new Date(nowMs), user_id: 'ä "user" \\' },
            ...{ custom_ids: { company: 'c\t1' }, attributes: { email: 'a@b.c' }, number_value: -1.5 },
            ...{ string_value: null, metadata: { a: [1, 'ü'] }, exposure: null, instance: 'i', region: 'r' },
            id_day: undefined,
          },
          {
            ...{ project: 'shop', environment: 'production', event_id: events[1]?.id, name: 'bare', skew_ms: 0n },
            ...{ happened_at: new Date(1_420_070_400_001), received_at: new Date(nowMs), user_id: null },
            ...{ custom_ids: null, attributes: null, number_value: null, string_value: '', metadata: null },
            ...{ exposure: null, instance: 'i', region: 'r', id_day: undefined },
          },
        ],
      );
    }));

  it('counts a message that comes again not at all, alone or beside new ones', () =>
    withStore(async (database) => {
      const first = messageOf({ events: someEvents(3, { name: 'once' }) });
      await writeBatch(database, [first]);
      const again = await writeBatch(database, [first, messageOf({ events: someEvents(2, { name: 'new' }) }), first]);
      assert.deepEqual([again.stored, again.duplicate, again.repeated, again.way], [2, 0, 2, 'staged']);
      assert.deepEqual(await settledOf(database), [5, 5, 0, 0]);
      assert.deepEqual([await countOf(database, 'once'), await countOf(database, 'new')], [3, 2]);
    }));

  it('stores an event once when a retry brings it in another message, through another shard, or twice in one', () =>
    withStore(async (database) => {
      const events = someEvents(4, { name: 'retried' });
      await writeBatch(database, [messageOf({ events: events.slice(0, 2) })]);
      const retry = messageOf({ events: [...events, ...events.slice(3)] }, { sequence: 1, stream: 'EVENTS_2' });
      const written = await writeBatch(database, [retry, messageOf({ events: events.slice(2) })]);
      assert.deepEqual([written.stored, written.duplicate, written.repeated], [2, 5, 0]);
      assert.equal((await namesOf(database)).length, 4);
      assert.deepEqual(await settledOf(database), [9, 4, 5, 0]);
      assert.equal(await countOf(database, 'retried'), 4);
    }));

  it('buries what can not be stored, whoever finds out, and stores the rest', () =>
    withStore(async (database) => {
      const nul = eventOf({ name: 'poison', user: User.fromPartial({ userId: 'nul \0' }) });
      const json = eventOf({ name: 'poison', metadataJson: '{"a":"\\u0000"}' });
      const id = eventOf({ name: 'poison', id: 'no-id' });
      const time = eventOf({ name: 'poison', timeMs: 2 ** 53 - 1 });
      const key = 'x'.repeat(3_000);
      const exposure = { ...Exposure.fromPartial({}), kind: ExposureKind.GATE, key: `${v7()}${key}`, unitId: key };
      const large = eventOf({ name: 'poison', exposure: { ...exposure, key: randomText(6_000) } });
      const good = someEvents(40, { name: 'good' });
      const events = [id, ...good.slice(0, 13), nul, json, ...good.slice(13), time, large];
      const written = await writeBatch(database, [messageOf({ events }), garbage()]);
      assert.equal(written.stored, 40);
      assert.equal(written.duplicate, 0);
      const ids = written.buried.map(({ eventId }) => eventId);
      assert.deepEqual(new Set(ids), new Set(['no-id', nul.id, json.id, time.id, large.id, undefined]));
      assert(written.buried.every(({ reason }) => reason.length > 0));
      assert.deepEqual(new Set(await namesOf(database)), new Set(['good']));
      assert.deepEqual(await settledOf(database), [45, 40, 0, 5]);
      const letters = await rowsOf<{ id: string | null; payload: Buffer }>(
        database,
        'select event_id as id, payload from events.dead_letter',
      );
      assert.equal(letters.length, 6);
      const letter = letters.find((row) => row.id === nul.id);
      assert.equal(EventBatch.decode(letter?.payload ?? Buffer.alloc(0)).events[0]?.user?.userId, 'nul \0');
    }));

  it('writes nothing at all when the transaction does not commit', () =>
    withStore(async (database) => {
      await database.query({
        name: '',
        text: 'alter table events.usage_delta add constraint broken check (events < 3)',
      });
      // A check that fails is the data's fault, yet no single event's: it must not be taken for one.
      await assert.rejects(writeBatch(database, [messageOf({ events: someEvents(3) })]));
      assert.deepEqual(await namesOf(database), []);
      assert.deepEqual(await settledOf(database), [null, null, null, null]);
    }));

  it('buries a message that is refused for what it brings beside its events, and writes the others', () =>
    withStore(async (database) => {
      await database.query({
        name: '',
        text: `create function events.refuse() returns trigger language plpgsql as
          $$ begin raise exception 'no such source' using errcode = '22023'; end $$`,
      });
      await database.query({
        name: '',
        text: `create trigger refuse before insert on events.source for each row
          when (new.source_id = 'poison') execute function events.refuse()`,
      });
      const receipts = (sourceId: string) => [{ ...Receipt.fromPartial({}), sourceId, firstSequence: 1, events: 1 }];
      const [before, poison, behind] = ['one', 'poison', 'two'].map((sourceId) =>
        messageOf({ events: someEvents(2, { name: sourceId }), receipts: receipts(sourceId) }),
      ) as [Taken, Taken, Taken];
      for (const unsound of [{ set: { project: 'a\0b', environment: 'e' } }, { receivedAtMs: 2 ** 53 - 1 }]) {
        assert.notEqual(messageOf(unsound).problem, undefined);
      }
      const written = await writeBatch(database, [before, poison, messageOf({ receivedAtMs: 2 ** 53 - 1 }), behind]);
      assert.deepEqual(await namesOf(database), ['one', 'one', 'two', 'two']);
      assert.deepEqual([written.stored, written.buried.length], [4, 2]);
      assert.match(written.buried[0]?.reason ?? '', /no such source/);
      const letters = await rowsOf<{ payload: Buffer }>(database, 'select payload from events.dead_letter order by id');
      assert.deepEqual(letters[0]?.payload, Buffer.from(poison.data), 'it can be sent again as it came');
    }));

  it('gives the same result when many write the same events at once', () =>
    withStore(async (database) => {
      const events = someEvents(300, { name: 'raced' });
      const shuffled = (): Event[] => [...events].sort(() => Math.random() - 0.5);
      const writes = Array.from({ length: 6 }, (_, at) =>
        untilWritten(database, messageOf({ events: shuffled() }, { sequence: at + 1, stream: 'EVENTS_3' })),
      );
      const written = await Promise.all(writes);
      assert.equal(
        written.reduce((sum, { stored }) => sum + stored, 0),
        300,
      );
      assert.equal(await countOf(database, 'raced'), 300);
      assert.deepEqual(await settledOf(database), [1_800, 300, 1_500, 0]);
    }));
});

describe('exposures of a batch', function () {
  this.timeout(60_000);

  const saw = (unitId: string, groupName: string, timeMs: number): Event => {
    const exposure = { ...Exposure.fromPartial({}), kind: ExposureKind.CONFIG, key: 'exp', groupName, unitId };
    return eventOf({ name: 'exposure', timeMs, exposure });
  };

  it('are the same in one batch or many, in whatever order, and however often they come', () =>
    withStore(async (database) => {
      const startMs = Math.floor(nowMs / dayMs) * dayMs - dayMs;
      const events = Array.from({ length: 200 }, (_, at) =>
        saw(
          `unit-${at % 30}`,
          at % 30 === 7 && at > 100 ? 'test' : at % 2 === 0 ? 'control' : 'test',
          startMs + at * 600_000,
        ),
      );
      const shuffled = [...events].sort(() => Math.random() - 0.5);
      for (let from = 0; from < 200; from += 25) {
        const part = shuffled.slice(from, from + 25);
        await writeBatch(database, [messageOf({ events: part }), messageOf({ events: part.slice(3, 9) })]);
      }
      const apart = await readExposures(database, set, 'exp', true);
      await database.query({ name: '', text: 'truncate events.event, events.exposure, events.exposure_count' });
      await writeBatch(database, [messageOf({ events })]);
      assert.deepEqual(apart, await readExposures(database, set, 'exp', true));
      assert.equal(
        apart.reduce((sum, { units }) => sum + units, 0),
        30,
      );
      for (const { exposures, units, days } of apart) {
        assert.equal(
          days.reduce((sum, day) => sum + day.exposures, 0),
          exposures,
        );
        assert.equal(
          days.reduce((sum, day) => sum + day.units, 0),
          units,
        );
        assert.equal(days.length, 2);
      }
    }));
});

describe('sources', function () {
  this.timeout(60_000);

  it('know which numbers arrived, and the report with the highest number', () =>
    withStore(async (database) => {
      const report = (number: number, generated: number) => ({ ...SourceReport.fromPartial({}), number, generated });
      const receipt = (firstSequence: number, events: number, part: Partial<Receipt> = {}): Receipt => ({
        ...{ ...Receipt.fromPartial({}), sourceId: 's', firstSequence, events, accepted: events },
        ...part,
      });
      const late = messageOf({ receipts: [receipt(7, 3, { report: report(5, 50), rejected: { name: 1 } })] });
      await writeBatch(database, [late]);
      await writeBatch(database, [
        messageOf({ receipts: [receipt(1, 4, { report: report(4, 40), rejected: { name: 2, id: 1 } })] }),
        late,
      ]);
      const [source] = await rowsOf<Record<string, unknown>>(
        database,
        'select arrived::text as arrived, accepted, rejected, report_number, report from events.source',
      );
      const { report: encoded, ...rest } = source ?? {};
      assert.deepEqual(rest, {
        ...{ arrived: '{[1,5),[7,10)}', accepted: 7n, rejected: { id: 1, name: 3 }, report_number: 5n },
      });
      assert.equal(SourceReport.decode(encoded as Buffer).generated, 50);
    }));
});

describe('usage', function () {
  this.timeout(60_000);

  it('is the same before and after it is folded, also while it is written', () =>
    withStore(async (database) => {
      let isOver = false;
      const folding = (async () => {
        while (!isOver) await Promise.all([foldAll(database), foldAll(database)]);
      })();
      const writing = Array.from({ length: 3 }, async (_, writer) => {
        for (let round = 0; round < 30; round++) {
          const events = Array.from({ length: 10 }, (_, at) =>
            eventOf({
              name: `name-${at % 3}`,
              user: User.fromPartial({ userId: `user-${writer}-${round % 10}-${at}` }),
              value: { $case: 'numberValue', value: 2 },
            }),
          );
          await writeBatch(database, [messageOf({ events })]);
        }
      });
      await Promise.all(writing);
      isOver = true;
      await folding;
      await writeBatch(database, [messageOf({ events: someEvents(1, { name: 'name-0' }) })]);
      const read = async () => usageOf(await readUsage(database, set, '', '-infinity', 'infinity'));
      const before = await read();
      assert.deepEqual(
        before.days.map(({ name, events, sum }) => [name, events, sum]),
        [
          ['name-0', 361, 720],
          ['name-1', 270, 540],
          ['name-2', 270, 540],
        ],
      );
      await foldAll(database);
      assert.deepEqual(await read(), before);
      assert(Math.abs((before.unitsByDay[0]?.units ?? 0) - 300) < 20);
      assert.deepEqual(await rowsOf(database, 'select from events.usage_delta'), []);
    }));
});

describe('retention', function () {
  this.timeout(60_000);

  it('drops whole days that are too old, and strays by when they came', () =>
    withStore(async (database) => {
      const at = (agoDays: number): string => v7({ msecs: nowMs - agoDays * dayMs });
      const day = (agoDays: number): string => new Date(nowMs - agoDays * dayMs).toISOString().slice(0, 10);
      for (const ago of [0, 3, 9, 12])
        await database.query({ name: '', text: `select events.ensure_day('${day(ago)}')` });
      const dayless = 'c73bcdcc-2669-4bf6-81d3-e4ae73fb11fd';
      const strays = { receivedAtMs: nowMs - 11 * dayMs, events: [eventOf({ id: dayless, name: 'old-stray' })] };
      const events = [0, 3, 9, 12].map((ago) => eventOf({ id: at(ago), name: `ago-${ago}` }));
      await writeBatch(database, [messageOf({ events }), messageOf(strays)]);
      await dropOld(database, silentLogger, 10);
      assert.deepEqual(await namesOf(database), ['ago-0', 'ago-3', 'ago-9']);
      await dropOld(database, silentLogger, 5);
      assert.deepEqual(await namesOf(database), ['ago-0', 'ago-3']);
      // What was counted stays counted.
      assert.equal(await countOf(database, 'ago-12'), 1);
    }));

  it('does not wait behind a reader, and lets nobody wait behind it for long', () =>
    withStore(async (database) => {
      await database.query({ name: '', text: `select events.ensure_day('2026-01-01')` });
      await database.transaction(async (tx) => {
        await tx.query({ name: '', text: 'select count(*) from events.event' });
        await assert.rejects(dropOld(database, silentLogger, 10), /lock timeout/);
      });
      await dropOld(database, silentLogger, 10);
      assert.deepEqual(await rowsOf(database, `select from pg_class where relname = 'event_20260101'`), []);
    }));
});

function garbage(): Taken {
  return take({ subject, data: Buffer.from('no batch at all'), sequence: ++sequence, publishedAtMs: nowMs }, 'EVENTS');
}

/** Text that does not compress: PostgreSQL measures keys after it tried. */
function randomText(length: number): string {
  return Array.from({ length }, () => Math.random().toString(36)[2] ?? 'x').join('');
}

/** Writers that meet may make each other try again. */
async function untilWritten(database: Database, message: Taken) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await writeBatch(database, [message]);
    } catch (error) {
      if (attempt === 20) throw error;
    }
  }
}
