import assert from 'node:assert/strict';
import {
  foldAll,
  forgetStarts,
  readExposures,
  readUsage,
  recount,
  type Taken,
  usageOf,
  writeBatch,
} from '@sluice/ingestion/ledger-store';
import { type Event, EventBatch, Exposure, ExposureKind, Receipt, SourceReport, User } from '@sluice/proto';
import { v7 } from 'uuid';
import { eventOf, set } from './ingestion-room.js';
import {
  countOf,
  dayMs,
  garbage,
  messageOf,
  namesOf,
  nowMs,
  randomText,
  rowsOf,
  settledOf,
  someEvents,
  untilWritten,
  withStore,
} from './stored-events.js';

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
