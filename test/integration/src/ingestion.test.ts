import assert from 'node:assert/strict';
import { createClient, SluiceError } from '@sluice/mesh';
import {
  Durability,
  type Event,
  type Exposure,
  ExposureKind,
  IngestionServiceService,
  LogEventsRequest,
  Outcome,
  User,
} from '@sluice/proto';
import { eventually } from '@sluice/testkit';
import { eventOf, openRoom, type Room, set, talkTo, timeoutMs } from './ingestion-room.js';

const { ACCEPTED, DUPLICATE, REJECTED } = Outcome;

const numberOf = (value: number): Event['value'] => ({ $case: 'numberValue', value });
const userOf = (userId: string): User => ({ ...User.fromPartial({}), userId });

function exposed(unitId: string, part: Partial<Exposure>): Event {
  const { CONFIG } = ExposureKind;
  const base = { kind: CONFIG, key: 'checkout-test', gateValue: false, ruleId: '', groupName: '', idType: 'userID' };
  const rest = { unitId, revision: 3, version: 1, parameter: '', allocatedExperiment: '' };
  return eventOf({ name: 'exposure', exposure: { ...base, ...rest, ...part } });
}

describe('ingestion', function () {
  this.timeout(60_000);
  let room: Room;

  before(async () => {
    room = await openRoom();
  });

  after(() => room?.close());

  describe('taking events in', () => {
    it('accepts events durably and counts each once, however often it is sent', async () => {
      const events = [
        eventOf({ value: numberOf(12.5), user: userOf('a'), metadataJson: '{"plan":"pro"}' }),
        eventOf({ value: numberOf(7.5), user: userOf('a') }),
        eventOf({ value: { $case: 'stringValue', value: 'gift' }, user: userOf('b') }),
      ];
      const first = await room.server.log(events);
      assert.deepEqual(
        first.outcomes.map(({ outcome }) => outcome),
        [ACCEPTED, ACCEPTED, ACCEPTED],
      );
      assert.equal(first.durability, Durability.QUORUM);
      assert.deepEqual(await room.outcomesOf(events), [DUPLICATE, DUPLICATE, DUPLICATE]);
      await room.counted('purchase', 3);
      const { sum, units, firstAtMs } = await room.server.ledger.getEvents({ set, name: 'purchase' }, { timeoutMs });
      assert.deepEqual([sum, units], [20, 2]);
      assert.equal(firstAtMs, Math.min(...events.map(({ timeMs }) => timeMs)));
    });

    it('answers for each event, naming the field of what it rejects', async () => {
      const good = eventOf({ name: 'mixed' });
      const { outcomes } = await room.server.log([
        eventOf({ id: 'not-an-id' }),
        good,
        good,
        eventOf({ metadataJson: '[]' }),
        eventOf({ value: numberOf(Number.NaN) }),
      ]);
      assert.deepEqual(
        outcomes.map(({ outcome }) => outcome),
        [REJECTED, ACCEPTED, DUPLICATE, REJECTED, REJECTED],
      );
      assert.match(outcomes[0]?.reason ?? '', /^id: /);
      assert.match(outcomes[3]?.reason ?? '', /^metadata_json: /);
      assert.match(outcomes[4]?.reason ?? '', /^number_value: /);
      await room.counted('mixed', 1);
    });

    it("keeps two tenants' events apart, also when their ids are equal", async () => {
      const event = eventOf({ name: 'shared-id' });
      const other = { project: 'bank', environment: 'production' };
      await room.inside.ingestion.logEvents({ set, events: [event], sentAtMs: 0 }, { timeoutMs });
      const answer = await room.inside.ingestion.logEvents({ set: other, events: [event], sentAtMs: 0 }, { timeoutMs });
      assert.equal(answer.outcomes[0]?.outcome, ACCEPTED);
      await room.counted('shared-id', 1);
      await eventually(async () => {
        const { count } = await room.inside.ledger.getEvents({ set: other, name: 'shared-id' }, { timeoutMs });
        assert.equal(count, 1);
      });
    });

    it("corrects a sender's clock and records by how much", async () => {
      const hourMs = 3_600_000;
      const event = eventOf({ name: 'slow-clock', timeMs: Date.now() - hourMs });
      await room.server.ingestion.logEvents({ set, events: [event], sentAtMs: Date.now() - hourMs }, { timeoutMs });
      await room.counted('slow-clock', 1);
      const { firstAtMs } = await room.inside.ledger.getEvents({ set, name: 'slow-clock' }, { timeoutMs });
      assert(Math.abs(firstAtMs - Date.now()) < 60_000);
      const rows = await room.query<{ skew: number }>(
        `select skew_ms::float8 as skew from events.event where event_id = '${event.id}'`,
      );
      assert(Math.abs((rows[0]?.skew ?? 0) - hourMs) < 60_000);
    });

    it('shares messages of the log among requests that come together', async () => {
      const calls = Array.from({ length: 200 }, () => room.outcomesOf([eventOf({ name: 'together' })]));
      assert((await Promise.all(calls)).every(([outcome]) => outcome === ACCEPTED));
      await room.counted('together', 200);
    });
  });

  describe('refusing', () => {
    const refusal = async (call: Promise<unknown>): Promise<SluiceError> => {
      const error = await call.then(
        () => assert.fail('the call was not refused'),
        (reason: unknown) => reason,
      );
      assert(error instanceof SluiceError);
      return error;
    };

    it('needs a key that it knows', async () => {
      const stranger = talkTo(room.target, 'sluice_server_unknown');
      assert.equal((await refusal(stranger.log([eventOf()]))).kind, 'unauthenticated');
      stranger.close();
    });

    it('lets a key into its own set only', async () => {
      const elsewhere = { project: 'shop', environment: 'staging' };
      const call = room.server.ingestion.logEvents({ set: elsewhere, events: [eventOf()], sentAtMs: 0 }, { timeoutMs });
      assert.equal((await refusal(call)).kind, 'forbidden');
    });

    it('lets devices log but not read', async () => {
      assert.equal((await room.device.log([eventOf({ name: 'tap' })])).outcomes[0]?.outcome, ACCEPTED);
      const read = room.device.ledger.getEvents({ set, name: 'tap' }, { timeoutMs });
      assert.equal((await refusal(read)).kind, 'forbidden');
      const exposures = room.device.ledger.getExposures({ set, key: 'checkout-test', isDaily: false }, { timeoutMs });
      assert.equal((await refusal(exposures)).kind, 'forbidden');
    });

    it('says which part of the set is missing, malformed or unknown', async () => {
      const to = (asked: { project: string; environment: string } | undefined) =>
        refusal(room.console.ingestion.logEvents({ set: asked, events: [eventOf()], sentAtMs: 0 }, { timeoutMs }));
      assert.equal((await to(undefined)).field, 'set.project');
      assert.equal((await to({ project: 'shop', environment: '' })).field, 'set.environment');
      assert.equal((await to({ project: 'shop.*', environment: 'production' })).field, 'set.project');
      const unknown = await to({ project: 'shop', environment: 'nowhere' });
      assert.deepEqual([unknown.kind, unknown.field], ['not_found', 'set']);
    });

    it('takes 1,000 events at most', async () => {
      const error = await refusal(room.server.log(Array.from({ length: 1_001 }, () => eventOf({ name: '' }))));
      assert.deepEqual([error.kind, error.field], ['invalid', 'events']);
    });

    it('refuses bytes that are no request, before any handler sees them', async () => {
      const before = await room.countOf('corrupt');
      const bytes = LogEventsRequest.encode({ set, events: [eventOf({ name: 'corrupt' })], sentAtMs: 1 }).finish();
      const definition = {
        logEvents: {
          ...IngestionServiceService.logEvents,
          requestSerialize: (raw: Uint8Array): Buffer => Buffer.from(raw),
        },
      };
      const { target } = room;
      const raw = createClient(definition, { target, key: room.serverKey });
      for (const length of [bytes.length - 3, 40, 3]) {
        const error = await refusal(raw.logEvents(bytes.subarray(0, length), { timeoutMs }));
        assert.equal(error.kind, 'invalid');
        assert.notEqual(error.field, undefined);
      }
      const bad = Uint8Array.from(bytes);
      bad[bad.indexOf('corrupt'.charCodeAt(0), 60)] = 0xff;
      assert.match((await refusal(raw.logEvents(bad, { timeoutMs }))).message, /events\[0\]\.name: is not valid UTF-8/);
      raw.close();
      assert.equal(await room.countOf('corrupt'), before);
    });

    it('refuses a request past a mebibyte', async () => {
      const metadataJson = JSON.stringify({ a: 'x'.repeat(16_000) });
      const events = Array.from({ length: 100 }, () => eventOf({ metadataJson }));
      assert.equal((await refusal(room.server.log(events))).kind, 'exhausted');
    });

    it('takes a request that is larger than one message of the log', async () => {
      const metadataJson = JSON.stringify({ a: 'x'.repeat(16_000) });
      const events = Array.from({ length: 60 }, () => eventOf({ name: 'large', metadataJson }));
      assert((await room.outcomesOf(events)).every((outcome) => outcome === ACCEPTED));
      await room.counted('large', 60);
    });
  });

  describe('counting exposures', () => {
    it('gives each unit to the group that it saw first, and marks those that saw two', async () => {
      const nowMs = Date.now();
      const saw = (unit: string, groupName: string, agoMs: number) => ({
        ...exposed(unit, { groupName, ruleId: `rule-${groupName}` }),
        timeMs: nowMs - agoMs,
      });
      // The later exposure of the second unit arrives first.
      await room.server.log([saw('one', 'control', 3_000), saw('two', 'test', 1_000), saw('three', 'test', 1_000)]);
      await room.server.log([saw('two', 'control', 2_000), saw('one', 'control', 500)]);
      await eventually(async () => {
        const { groups } = await room.server.ledger.getExposures(
          { set, key: 'checkout-test', isDaily: false },
          { timeoutMs },
        );
        assert.deepEqual(
          groups.map(({ groupName, units, exposures, crossovers }) => [groupName, units, exposures, crossovers]),
          [
            ['control', 2, 3, 1],
            ['test', 1, 2, 0],
          ],
        );
        assert.equal(groups[0]?.firstAtMs, nowMs - 3_000);
        assert.equal(groups[0]?.lastAtMs, nowMs - 500);
      });
    });

    it("counts a layer's exposures for the experiment that decided, too", async () => {
      const part = { kind: ExposureKind.LAYER, key: 'home', allocatedExperiment: 'banner', groupName: 'big' };
      await room.server.log([
        exposed('one', part),
        exposed('two', { ...part, allocatedExperiment: '', groupName: '' }),
      ]);
      await eventually(async () => {
        const unitsOf = async (key: string): Promise<number[]> =>
          (await room.server.ledger.getExposures({ set, key, isDaily: false }, { timeoutMs })).groups.map(
            ({ units }) => units,
          );
        assert.deepEqual(await unitsOf('home'), [1, 1]);
        assert.deepEqual(await unitsOf('banner'), [1]);
      });
    });
  });
});
