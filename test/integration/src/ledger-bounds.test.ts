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
  foldAll,
  makeDaysAhead,
  migrationsUrl,
  otherName,
  type Retention,
  readUsage,
  retentionDuties,
  usageNamesMax,
  usageOf,
  Writer,
  writeBatch,
} from '@sluice/ingestion/ledger-store';
import { silentLogger } from '@sluice/mesh';
import { type Database, migrate, openDatabase } from '@sluice/postgres';
import { type Event, EventBatch, Exposure, ExposureKind, Receipt } from '@sluice/proto';
import { withDatabase } from '@sluice/testkit';
import { v7 } from 'uuid';
import { eventOf, set } from './ingestion-room.js';
import {
  batchOf,
  countOf,
  dayMs,
  garbage,
  messageOf,
  namesOf,
  nowMs,
  rowsOf,
  someEvents,
  subject,
  withStore,
} from './stored-events.js';

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
