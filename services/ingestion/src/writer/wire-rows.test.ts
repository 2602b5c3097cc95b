import assert from 'node:assert/strict';
import { type Event, EventBatch, type Exposure, ExposureKind, Receipt, type User, type Value } from '@sluice/proto';
import fc from 'fast-check';
import { eventOf, exposureOf, idAt, testNowMs, userOf } from '../test/events.js';
import { plainRowsOf, plainTuplesOf } from '../test/plain-rows.js';
import { batchOf, rowOf, testSet, wireOf } from '../test/wire.js';
import { HyperLogLog } from '../usage/hyperloglog.js';
import { rowsOfWire } from './wire-rows.js';

const source = { subject: 'events.v1.shop.production', sequence: 7 };

const text = fc.string({ unit: 'binary', maxLength: 12 });
const key = text.filter((name) => name !== '__proto__');
const value: fc.Arbitrary<Value> = fc
  .oneof(
    fc.boolean().map((boolValue) => ({ $case: 'boolValue' as const, value: boolValue })),
    fc.double().map((number) => ({ $case: 'numberValue' as const, value: number })),
    text.map((string) => ({ $case: 'stringValue' as const, value: string })),
    fc.json().map((json) => ({ $case: 'json' as const, value: json })),
    fc.constant(undefined),
  )
  .map((kind) => ({ kind }));
const optional = fc.option(text, { nil: undefined });
const user: fc.Arbitrary<User> = fc.record({
  ...{ userId: optional, email: optional, ip: optional, userAgent: optional, country: optional, locale: optional },
  appVersion: optional,
  customIds: fc.dictionary(key, text, { maxKeys: 3 }),
  custom: fc.dictionary(key, value, { maxKeys: 3 }),
  privateAttributes: fc.dictionary(key, value, { maxKeys: 2 }),
  environment: fc.dictionary(key, text, { maxKeys: 2 }),
});
const exposure: fc.Arbitrary<Exposure> = fc.record({
  kind: fc.constantFrom(ExposureKind.GATE, ExposureKind.CONFIG, ExposureKind.LAYER),
  ...{ key: text, ruleId: text, groupName: text, idType: text, unitId: text, parameter: text },
  allocatedExperiment: text,
  gateValue: fc.boolean(),
  revision: fc.maxSafeNat(),
  version: fc.option(fc.nat(), { nil: undefined }),
});
const eventValue: fc.Arbitrary<Event['value']> = fc.oneof(
  fc.constant(undefined),
  fc.double().map((number) => ({ $case: 'numberValue' as const, value: number })),
  text.map((string) => ({ $case: 'stringValue' as const, value: string })),
);
const id = fc.oneof(
  fc.uuid(),
  fc.tuple(fc.integer({ min: 0, max: Date.UTC(2110, 0, 1) }), fc.nat()).map(([timeMs, serial]) => idAt(timeMs, serial)),
);
const event: fc.Arbitrary<Event> = fc.record({
  id: fc.oneof(
    id,
    id.map((lower) => lower.toUpperCase()),
  ),
  timeMs: fc.integer({ min: Date.UTC(1900, 0, 1), max: Date.UTC(2200, 0, 1) }),
  name: text.filter((name) => name !== ''),
  user: fc.option(user, { nil: undefined }),
  value: eventValue,
  metadataJson: fc.oneof(fc.constant(''), fc.json()),
  exposure: fc.option(exposure, { nil: undefined }),
  traceparent: text,
});
const batch = fc.array(fc.tuple(event, fc.maxSafeInteger()), { maxLength: 5 }).map((pairs) =>
  batchOf({
    events: pairs.map(([one]) => one),
    skewsMs: pairs.map(([, skewMs]) => skewMs),
    ...{ instance: 'ingestion-1', region: 'local' },
  }),
);

describe('rows from the wire', () => {
  it('are the bytes that the plain way makes, whatever is in the events', () => {
    fc.assert(
      fc.property(batch, (one) => {
        const data = EventBatch.encode(one).finish();
        const { rows, tuples, unfit } = rowsOfWire(data, source);
        const plain = plainRowsOf(EventBatch.decode(data));
        assert.deepEqual(unfit, []);
        assert.equal(tuples.all().toString('latin1'), plainTuplesOf(plain).all().toString('latin1'));
        assert.deepEqual(
          rows.map(({ eventId, idDay, name, happenedAtMs, skewMs, numberValue, encoded, exposure: shown }) => ({
            ...{ eventId, idDay, name, happenedAtMs, skewMs, numberValue, exposure: shown },
            event: EventBatch.decode(encoded).events[0],
          })),
          plain.map(({ eventId, idDay, name, happenedAtMs, skewMs, numberValue, event: back, exposure: shown }) => ({
            ...{ idDay, name, happenedAtMs, skewMs, numberValue, event: back, exposure: shown },
            eventId: eventId.toLowerCase(),
          })),
        );
      }),
      { numRuns: 300 },
    );
  });

  it('never have private attributes', () => {
    const secret = { kind: { $case: 'stringValue' as const, value: 'a-secret' } };
    const { tuples } = wireOf({ events: [eventOf({ user: userOf({ privateAttributes: { word: secret } }) })] });
    assert(!tuples.all().includes('a-secret'));
    assert(!tuples.all().includes('word'));
  });

  it('are put together from messages that were put end to end', () => {
    const empty = EventBatch.fromPartial({});
    const head = { ...empty, set: testSet, receivedAtMs: testNowMs, instance: 'i', region: 'r' };
    const receipt = { ...Receipt.fromPartial({}), sourceId: 's', events: 2 };
    const parts = [
      head,
      { ...empty, events: [eventOf({ name: 'one' })], skewsMs: [-5] },
      { ...empty, events: [eventOf({ name: 'two' })], skewsMs: [0], receipts: [receipt] },
    ];
    const data = Buffer.concat(parts.map((part) => EventBatch.encode(part).finish()));
    const { rows, receipts, region, instance } = rowsOfWire(data, source);
    assert.deepEqual(
      rows.map(({ name, skewMs, region: of }) => [name, skewMs, of]),
      [
        ['one', -5, 'r'],
        ['two', 0, 'r'],
      ],
    );
    assert.deepEqual([receipts, region, instance], [[receipt], 'r', 'i']);
  });

  it('leave out what can not be stored, and say which and why', () => {
    const bad: [Partial<Event>, RegExp][] = [
      [{ id: 'poison' }, /"poison" is not a UUID/],
      [{ id: `${idAt(testNowMs).slice(0, -1)}g` }, /is not a UUID/],
      [{ timeMs: Number.MAX_SAFE_INTEGER }, /not a time/],
      [{ name: '' }, /has no name/],
      [{ name: 'n'.repeat(601) }, /601 bytes/],
      [{ user: userOf({ custom: { a: { kind: { $case: 'json', value: '{' } } } }) }, /JSON/],
    ];
    for (const [part, reason] of bad) {
      const { rows, tuples, unfit } = wireOf({
        events: [eventOf({ name: 'a' }), eventOf(part), eventOf({ name: 'b' })],
      });
      assert.deepEqual(
        rows.map(({ name }) => name),
        ['a', 'b'],
      );
      assert.equal(tuples.count, 2);
      assert.match(unfit[0]?.reason ?? '', reason);
      assert.equal(unfit[0]?.row.eventId, eventOf(part).id.toLowerCase());
      assert.deepEqual(EventBatch.decode(unfit[0]?.row.encoded ?? Buffer.of()).events, [eventOf(part)]);
    }
  });

  it('of an event whose bytes are wrong are missing, and no others', () => {
    const [before, broken, behind] = ['a', 'b', 'c'].map((name) =>
      EventBatch.encode({ ...EventBatch.create(), events: [eventOf({ name, id: idAt(testNowMs, 7) })] }).finish(),
    ) as [Uint8Array, Uint8Array, Uint8Array];
    const head = EventBatch.encode(batchOf({})).finish();
    for (let at = 2; at < broken.length; at++) {
      const changed = Uint8Array.from(broken);
      // A field of a wire type that is not in use, wherever it lies.
      changed[at] = 0x7f;
      const { rows, unfit } = rowsOfWire(Buffer.concat([head, before, changed, behind]), source);
      const names = rows.map(({ name }) => name);
      assert.deepEqual([names[0], names.at(-1), rows.length + unfit.length], ['a', 'c', 3], `byte ${at}`);
      for (const { row, reason } of unfit) {
        assert.deepEqual(Buffer.from(row.encoded), Buffer.from(changed), 'it is kept as it came');
        assert.notEqual(reason, '');
        assert.equal(typeof row.eventId, 'string');
      }
    }
  });

  it('have no head that the store would refuse for all of its events', () => {
    const set = (project: string, environment = 'production') => ({ set: { project, environment } });
    for (const part of [set(''), set('a\0b'), set('a.b'), set('shop', '>')]) {
      assert.throws(() => wireOf(part), /names no set/);
    }
    assert.throws(() => wireOf({ instance: 'a\0' }), /names no instance/);
    assert.throws(() => wireOf({ region: 'r'.repeat(257) }), /names no region/);
    for (const receivedAtMs of [-1, Number.MAX_SAFE_INTEGER]) {
      assert.throws(() => wireOf({ receivedAtMs }), /which is no time/);
    }
  });

  it('refuse bytes that are no message, whatever is cut off', () => {
    assert.throws(() => wireOf({ set: undefined }), /names no set/);
    assert.throws(() => rowsOfWire(Buffer.from('no batch at all'), source));
    const events = [eventOf({ exposure: exposureOf(), user: userOf({ userId: 'u', customIds: { a: 'b' } }) })];
    const whole = EventBatch.encode(batchOf({ events, skewsMs: [-1] })).finish();
    for (let length = 1; length < whole.length; length++) {
      // A cut between two fields is a shorter message; one inside of a field is none.
      try {
        assert(rowsOfWire(whole.subarray(0, length), source).rows.length <= 1);
      } catch (error) {
        assert(error instanceof Error);
      }
    }
  });

  it('tell units apart: by the user id, or else by all custom ids in any order', () => {
    const unitOf = (part: Partial<User>) => rowOf(eventOf({ user: userOf(part) })).unit;
    assert.equal(rowOf(eventOf()).unit, undefined);
    assert.equal(unitOf({ email: 'a@b' }), undefined);
    assert.deepEqual(unitOf({ userId: 'a', customIds: { x: '1' } }), unitOf({ userId: 'a' }));
    assert.deepEqual(unitOf({ customIds: { x: '1', y: '2' } }), unitOf({ customIds: { y: '2', x: '1' } }));
    const different = [unitOf({ userId: 'a' }), unitOf({ userId: 'b' }), unitOf({ customIds: { x: '1' } })];
    different.push(
      unitOf({ customIds: { x: '2' } }),
      unitOf({ customIds: { y: '1' } }),
      unitOf({ customIds: { x: '1', y: '1' } }),
    );
    const sketch = new HyperLogLog();
    for (const unit of different) if (unit) sketch.add(unit);
    assert.equal(sketch.count(), different.length);
  });
});
