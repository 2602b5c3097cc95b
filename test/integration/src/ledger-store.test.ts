import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Bus, WorkMessage } from '@sluice/bus';
import {
  copyOf,
  createCounters,
  createDuties,
  eventColumns,
  eventsOf,
  foldAll,
  forgetStarts,
  makeDaysAhead,
  migrationsUrl,
  otherName,
  type Retention,
  readExposures,
  readUsage,
  recount,
  retentionDuties,
  type Taken,
  take,
  usageNamesMax,
  usageOf,
  Writer,
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

const batchOf = (part: Partial<EventBatch>): EventBatch => ({
  ...EventBatch.fromPartial({}),
  ...{ set, instance: 'i', region: 'r', receivedAtMs: nowMs },
  ...part,
});

/** A message of the log; the same place makes it the same message. */
function messageOf(part: Partial<EventBatch>, place = { sequence: ++sequence, stream: 'EVENTS' }): Taken {
  const data = EventBatch.encode(batchOf(part)).finish();
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

  it('has books that notice an event that is neither stored, nor known, nor buried', () =>
    withStore(async (database) => {
      await database.query({
        name: '',
        text: `create function events.swallow() returns trigger language plpgsql as 'begin return null; end'`,
      });
      await database.query({
        name: '',
        text: `create trigger swallow before insert on events.event for each row when (new.name = 'swallowed')
          execute function events.swallow()`,
      });
      const events = [...someEvents(3), ...someEvents(2, { name: 'swallowed' })];
      await writeBatch(database, [messageOf({ events })]);
      assert.deepEqual(await settledOf(database), [5, 3, 0, 0]);
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

describe('counting the rows', function () {
  this.timeout(60_000);

  const all = [null, null, null, 0] as const;

  it('finds every one of them, hour by hour, with a day of its own or without', () =>
    withStore(async (database) => {
      const [today, day] = [Math.floor(nowMs / dayMs) * dayMs, new Date(nowMs).toISOString().slice(0, 10)];
      await database.query({ name: '', text: `select events.ensure_day('${day}')` });
      const ids = [0, 3_599_999, 3_600_000, dayMs - 1, dayMs, -1].map((ms) => v7({ msecs: today + ms }));
      const events = [...ids, 'c73bcdcc-2669-4bf6-81d3-e4ae73fb11fd'].map((id) => eventOf({ id }));
      await writeBatch(database, [messageOf({ events }), messageOf({ events: someEvents(2), region: 'other' })]);
      assert.equal(await recount(database, all, () => 1), 9);
      assert.equal(await recount(database, [set.project, set.environment, 'other', 0], () => 1), 2);
      assert.equal(await recount(database, ['bank', null, null, 0], () => 1), 0);
    }));

  it('ends with its time', () =>
    withStore(async (database) => {
      await database.query({ name: '', text: `select events.ensure_day('2026-01-01')` });
      await assert.rejects(
        recount(database, all, () => 0),
        { kind: 'deadline' },
      );
    }));
});

describe('starts that are forgotten', function () {
  this.timeout(60_000);

  it('leave what they counted, once', () =>
    withStore(async (database) => {
      const start = (instance: string, agoDays: number, counters: object): Promise<unknown> =>
        rowsOf(
          database,
          `insert into events.instance (region, instance, started_at, reported_at, counters) values ('us', '${instance}',
            now() - interval '${agoDays} days', now() - interval '${agoDays} days', '${JSON.stringify(counters)}')`,
        );
      await start('a', 50, { events_received: 7, events_appended: 7, in_flight: 2, unverified_pending: 1 });
      await start('a', 40, { events_received: 2, events_recovered: 1, events_appended: 3 });
      await start('a', 1, { events_received: 100 });
      await start('b', 40, { events_received: 9, events_appended: 9, spool_events: 4 });
      for (let round = 0; round < 2; round++) await forgetStarts(database, 30);
      await start('b', 35, { events_received: 1, events_appended: 1 });
      await forgetStarts(database, 30);
      const left = await rowsOf<{ instance: string; counters: Record<string, number> }>(
        database,
        'select instance, counters from events.forgotten_start order by instance',
      );
      assert.deepEqual(
        left.map(({ counters: { events_received: received, events_appended: appended, ...rest } }) => ({
          ...{ received, appended, crashed: rest['events_dropped{crashed}'] ?? 0 },
          abandoned: rest.events_abandoned ?? 0,
        })),
        [
          { received: 9, appended: 10, crashed: 2, abandoned: 0 },
          { received: 10, appended: 10, crashed: 0, abandoned: 4 },
        ],
      );
      const kept = await rowsOf<{ instance: string }>(database, 'select instance from events.instance');
      assert.deepEqual(kept, [{ instance: 'a' }]);
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
      const read = async () => usageOf([await readUsage(database, set, '', '-infinity', 'infinity')]);
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

  const at = (agoDays: number): string => v7({ msecs: nowMs - agoDays * dayMs });
  const day = (agoDays: number): string => new Date(nowMs - agoDays * dayMs).toISOString().slice(0, 10);
  const keep = (days: number, part: Partial<Retention> = {}): Retention => ({
    ...{ eventsDays: days, exposuresDays: days, usageDays: days, booksDays: days, deadLettersDays: days },
    ...part,
  });
  const dropOld = async (database: Database, retention: Retention): Promise<void> => {
    for (const { run } of retentionDuties(database, silentLogger, retention)) await run();
  };
  const dayless = (serial: number): string => `c73bcdcc-2669-4bf6-81d3-${String(serial).padStart(12, '0')}`;

  it('drops whole days that are too old, and strays by when they came', () =>
    withStore(async (database) => {
      for (const ago of [0, 3, 9, 12])
        await database.query({ name: '', text: `select events.ensure_day('${day(ago)}')` });
      const receivedAtMs = nowMs - 11 * dayMs;
      const strays = { receivedAtMs, events: [eventOf({ id: dayless(1), name: 'old' }), eventOf({ id: at(500) })] };
      const events = [0, 3, 9, 12].map((ago) => eventOf({ id: at(ago), name: `ago-${ago}` }));
      await writeBatch(database, [messageOf({ events }), messageOf(strays)]);
      await foldAll(database);
      await dropOld(database, keep(10, { usageDays: 20 }));
      assert.deepEqual(await namesOf(database), ['ago-0', 'ago-3', 'ago-9']);
      await dropOld(database, keep(5, { usageDays: 20 }));
      assert.deepEqual(await namesOf(database), ['ago-0', 'ago-3']);
      // What was counted stays counted, for as long as usage is kept.
      assert.equal(await countOf(database, 'ago-12'), 1);
    }));

  it('drops what is too old of exposures, usage, books and dead letters, and keeps the rest', () =>
    withStore(async (database) => {
      const saw = (unitId: string, agoDays: number): Event => {
        const exposure = { ...Exposure.fromPartial({}), kind: ExposureKind.GATE, key: 'g', unitId };
        return eventOf({ name: 'exposure', timeMs: nowMs - agoDays * dayMs, exposure });
      };
      await writeBatch(database, [messageOf({ events: [saw('new', 1), saw('old', 30)] })]);
      await writeBatch(database, [messageOf({ receivedAtMs: nowMs - 30 * dayMs, events: someEvents(1) }), garbage()]);
      const change = (text: string) => database.query({ name: '', text });
      await change("update events.settled set settled_at = settled_at - interval '2 h'");
      await foldAll(database);
      await change("update events.dead_letter set buried_at = now() - interval '30 days'");
      await writeBatch(database, [garbage()]);
      const count = async (table: string, where = 'true') =>
        (await rowsOf<{ n: number }>(database, `select count(*)::int as n from events.${table} where ${where}`))[0]?.n;
      const counts = async () => [
        ...[await count('exposure'), await count('exposure_count'), await count('usage', "name = 'exposure'")],
        ...[await count('book', "project <> ''"), await count('dead_letter')],
      ];
      await dropOld(database, keep(40));
      assert.deepEqual(await counts(), [2, 2, 2, 2, 2]);
      await dropOld(database, keep(20));
      assert.deepEqual(await counts(), [1, 1, 1, 1, 1]);
      assert.deepEqual(await rowsOf(database, 'select unit_id from events.exposure'), [{ unit_id: 'new' }]);
      // What came out of the log stays known, beside what instances say that they gave to it.
      const taken = `select (counters ->> 'events_taken')::int as n from events.forgotten_start where instance = 'i'`;
      assert.deepEqual(await rowsOf(database, taken), [{ n: 1 }]);
    }));

  it('does not wait behind a reader, lets nobody wait behind it for long, and goes on with the rest', () =>
    withStore(async (database) => {
      await database.query({ name: '', text: `select events.ensure_day('2026-01-01')` });
      await writeBatch(database, [garbage()]);
      await database.query({ name: '', text: "update events.dead_letter set buried_at = now() - interval '30 days'" });
      const warnings: unknown[] = [];
      const logger = { ...silentLogger, warn: (fields: unknown) => warnings.push(fields) } as typeof silentLogger;
      const duties = createDuties(retentionDuties(database, silentLogger, keep(10)), logger);
      const { signal } = new AbortController();
      await database.transaction(async (tx) => {
        await tx.query({ name: '', text: 'select count(*) from events.event' });
        await duties(0, signal);
      });
      assert(
        warnings.some((one) => /old days.*lock timeout/.test(JSON.stringify(one))),
        JSON.stringify(warnings),
      );
      assert.deepEqual(await rowsOf(database, 'select from events.dead_letter'), []);
      // Long before its next turn: what failed is tried again soon.
      await duties(20, signal);
      assert.deepEqual(await rowsOf(database, `select from pg_class where relname = 'event_20260101'`), []);
    }));

  it('makes days ahead, and puts ids without a day apart from other strays', () =>
    withStore(async (database) => {
      const events = Array.from({ length: 50 }, (_, serial) => eventOf({ id: dayless(serial) }));
      await writeBatch(database, [messageOf({ events: [...events, eventOf({ id: at(0) }), eventOf({ id: at(-2) })] })]);
      await makeDaysAhead(database, nowMs);
      const parts = await rowsOf<{ part: string; rows: number }>(
        database,
        'select tableoid::regclass::text as part, count(*)::int as rows from events.event group by 1 order by 1',
      );
      const partOf = (agoDays: number): string => `events.event_${day(agoDays).replaceAll('-', '')}`;
      assert.deepEqual(parts, [
        { part: partOf(0), rows: 1 },
        { part: partOf(-2), rows: 1 },
        { part: 'events.event_dayless', rows: 50 },
      ]);
      const made = await rowsOf(database, `select from pg_class where relname ~ '^event_2\\d{7}$' and relkind = 'r'`);
      assert.equal(made.length, 8);
    }));

  it('moves the ids without a day of an older store apart, and loses none', () =>
    withDatabase(async (url) => {
      const database = await openDatabase({ url, applicationName: 'test', logger: silentLogger });
      const older = mkdtempSync(join(tmpdir(), 'sluice-older-'));
      try {
        for (const name of ['000001_ledger.sql', '000002_books.sql']) {
          copyFileSync(new URL(name, migrationsUrl), join(older, name));
        }
        await migrate(database, { schema: 'events', directory: pathToFileURL(`${older}/`) });
        const events = [eventOf({ id: dayless(1), name: 'apart' }), eventOf({ id: at(500), name: 'stray' })];
        const { tuples } = messageOf({ events });
        await database.transaction((tx) =>
          tx.copy(
            { name: '', text: `copy events.event (${eventColumns.join(', ')}) from stdin with (format binary)` },
            copyOf([tuples.all()]),
          ),
        );
        await migrate(database, { schema: 'events', directory: migrationsUrl });
        assert.deepEqual(
          await rowsOf(database, 'select tableoid::regclass::text as part, name from events.event order by 2'),
          [
            { part: 'events.event_dayless', name: 'apart' },
            { part: 'events.event_default', name: 'stray' },
          ],
        );
      } finally {
        await database.close();
        rmSync(older, { recursive: true });
      }
    }));

  it('writes a batch whose day can not get a partition', () =>
    withStore(async (database) => {
      const counters = createCounters();
      const bus = {} as Bus;
      const writing = { bus, database, logger: silentLogger, counters, retentionDays: 400, origins: [] };
      const events = [eventOf({ id: at(0), name: 'today' })];
      const data = EventBatch.encode(batchOf({ events })).finish();
      let isAcknowledged = false;
      const message = {
        ...{ subject, data, sequence: 1, publishedAtMs: nowMs, traceparent: undefined },
        ack: async () => {
          isAcknowledged = true;
        },
      } as unknown as WorkMessage;
      // Somebody has the default partition: a day can't be made now.
      await database.transaction(async (tx) => {
        await tx.query({ name: '', text: 'lock table events.event_default in row exclusive mode' });
        await new Writer(writing).write([message], 'EVENTS');
      });
      assert.equal(isAcknowledged, true);
      assert.deepEqual(await namesOf(database), ['today']);
    }));
});

describe('bounds of what senders can make', function () {
  this.timeout(60_000);

  it('names past the limit of a day are one, whatever way they come', () =>
    withStore(async (database) => {
      const named = (count: number, prefix: string) =>
        Array.from({ length: count }, (_, at) => eventOf({ name: `${prefix}-${at}` }));
      await writeBatch(database, [messageOf({ events: named(usageNamesMax - 1, 'a') })]);
      await foldAll(database);
      await writeBatch(database, [messageOf({ events: [...named(1, 'a'), ...named(5, 'b')] })]);
      await foldAll(database);
      const { days } = await usageOf([await readUsage(database, set, '', '-infinity', 'infinity')]);
      assert.equal(days.length, usageNamesMax + 1);
      assert.equal(days.find(({ name }) => name === otherName)?.events, 4);
      assert.deepEqual([await countOf(database, 'a-0'), await countOf(database, 'b-0')], [2, 1]);
    }));

  it('numbers of a source that lie too far apart are not noted, those that fill gaps are', () =>
    withStore(async (database) => {
      const send = (numbers: readonly number[]) => {
        const receipts = numbers.map((firstSequence) => ({
          ...Receipt.fromPartial({}),
          ...{ sourceId: 's', firstSequence, events: 1 },
        }));
        return writeBatch(database, [messageOf({ receipts })]);
      };
      await send(Array.from({ length: 1_500 }, (_, at) => 2 * at + 1));
      await send([10_001]);
      const arrived = async () =>
        (
          await rowsOf<{ ranges: number; numbers: number }>(
            database,
            `select count(*)::int as ranges, sum(upper(one) - lower(one))::int as numbers
            from events.source, unnest(arrived) as one`,
          )
        )[0];
      assert.deepEqual(await arrived(), { ranges: 1_000, numbers: 1_000 });
      await send([2, 4]);
      assert.deepEqual(await arrived(), { ranges: 998, numbers: 1_002 });
    }));

  it('sources of a project past the limit are forgotten, those first that were silent for longest', () =>
    withStore(async (database) => {
      await database.query({
        name: '',
        text: `insert into events.source (project, environment, source_id, region, arrived, accepted, duplicate,
            rejected, report_number, first_seen_at, last_seen_at)
          select project, 'e', number::text, 'r', '{}', 0, 0, '{}', 0, now(), now() - make_interval(secs => number)
          from generate_series(1, 100010) as number, (values ('shop'), ('other')) as set (project)
          where project = 'shop' or number <= 5`,
      });
      const [duty] = retentionDuties(database, silentLogger, {} as Retention).filter(({ name }) =>
        /surplus/.test(name),
      );
      await duty?.run();
      assert.deepEqual(
        await rowsOf(
          database,
          'select project, count(*)::int as n, max(source_id::int) as last from events.source group by 1 order by 1',
        ),
        [
          { project: 'other', n: 5, last: 5 },
          { project: 'shop', n: 100_000, last: 100_000 },
        ],
      );
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
