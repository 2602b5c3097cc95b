import assert from 'node:assert/strict';
import { silentLogger, systemClock } from '@sluice/mesh';
import { type Event, EventBatch, Outcome } from '@sluice/proto';
import type { Spool } from '@sluice/spool';
import { receiptsOf } from '../books/receipt.js';
import { createCounters } from '../counters.js';
import { eventOf, idAt, testNowMs } from '../test/events.js';
import { logEvent } from '../wire/sent-event.js';
import { batchKeyOf, createEventLog, type LogEvent, messageIdOf, partsOf } from './event-log.js';
import { subjectOf } from './shards.js';

const set = { project: 'shop', environment: 'production' };
const append = (events: Event[], skewMs = 0) => ({
  set,
  events: events.map(logEvent),
  receivedAtMs: testNowMs,
  skewMs,
  traceparent: undefined,
});

describe('a part of a message', () => {
  it('is a batch when its chunks are put end to end', () => {
    const events = [eventOf(), eventOf({ id: idAt(testNowMs, 2), metadataJson: '{"a":1}' })];
    const [part, ...others] = partsOf(append(events, -5));
    assert.equal(others.length, 0);
    const batch = EventBatch.decode(Buffer.concat(part?.chunks ?? []));
    assert.deepEqual(batch.events, events);
    assert.deepEqual(batch.skewsMs, [-5, -5]);
  });

  it('has one chunk for events that came one behind the other', () => {
    const events = [1, 2, 3].map((serial) => eventOf({ id: idAt(testNowMs, serial) }));
    const bytes = EventBatch.encode({ ...EventBatch.create(), events }).finish();
    const length = bytes.length / 3;
    const sent = events.map(({ id }, at) => ({
      ...{ id, traceparent: '', bytes },
      ...{ from: at * length, to: (at + 1) * length },
    }));
    for (const [places, runs] of [
      [[0, 1, 2], 1],
      [[0, 2], 2],
    ] as const) {
      const [part] = partsOf({ ...append([]), events: places.map((at) => sent[at] as LogEvent) });
      assert.equal(part?.chunks.length, runs + 1, 'and the skews');
      const batch = EventBatch.decode(Buffer.concat(part?.chunks ?? []));
      assert.deepEqual([batch.events, batch.skewsMs], [places.map((at) => events[at]), places.map(() => 0)]);
    }
  });

  it('never exceeds half a mebibyte, and loses nothing where it is cut', () => {
    const metadataJson = JSON.stringify({ a: 'x'.repeat(16_000) });
    const events = Array.from({ length: 100 }, (_, serial) => eventOf({ id: idAt(testNowMs, serial), metadataJson }));
    const parts = partsOf(append(events));
    assert(parts.length > 1);
    assert(parts.every(({ bytes }) => bytes <= 512 * 1024));
    assert.deepEqual(
      parts.flatMap(({ ids }) => ids),
      events.map(({ id }) => id),
    );
    assert.equal(
      parts.reduce((sum, { count }) => sum + count, 0),
      100,
    );
  });

  it('has the receipt of its own events, and of no others', () => {
    const metadataJson = JSON.stringify({ a: 'x'.repeat(16_000) });
    const events = Array.from({ length: 50 }, (_, serial) => eventOf({ id: idAt(testNowMs, serial), metadataJson }));
    const told = { sourceId: '019a9f3e-8a6e-7c3b-9d53-1f2e3a4b5c6d', sequence: 1 };
    const outcomes = events.map(() => ({ outcome: Outcome.ACCEPTED, reason: '' }));
    const receiptOf = receiptsOf(told, outcomes, [...events.keys()]);
    const parts = partsOf({ ...append(events), receiptOf });
    assert(parts.length > 1);
    let next = 1;
    for (const { chunks, count } of parts) {
      const { receipts } = EventBatch.decode(Buffer.concat(chunks));
      assert.deepEqual([receipts.length, receipts[0]?.firstSequence, receipts[0]?.events], [1, next, count]);
      next += count;
    }
  });

  it('is none for no events', () => assert.deepEqual(partsOf(append([])), []));

  it('carries the receipt of its request behind the last event, or alone', () => {
    const sourceId = '019a9f3e-8a6e-7c3b-9d53-1f2e3a4b5c6d';
    const receipt = {
      sourceId,
      firstSequence: 3,
      events: 1,
      accepted: 1,
      duplicate: 0,
      rejected: {},
      report: undefined,
    };
    for (const events of [[eventOf()], []]) {
      const [part, ...others] = partsOf({ ...append(events), receiptOf: () => receipt });
      assert(part && others.length === 0);
      const batch = EventBatch.decode(Buffer.concat(part.chunks));
      assert.deepEqual([batch.events.length, batch.receipts, part.count], [events.length, [receipt], events.length]);
      // The log must not take one for the repeat of another.
      assert.equal(part.ids.length, 1);
    }
  });
});

describe('a message', () => {
  it('says of each event when it came, also of those that waited for their key', async () => {
    const published: EventBatch[] = [];
    const log = createEventLog({
      ...{ spool: {} as Spool, clock: systemClock, logger: silentLogger, instance: 'i', region: 'eu' },
      counters: createCounters(),
      shards: {
        publish: async ({ data, subject }) => {
          assert.equal(subject, subjectOf(set, 'eu'));
          published.push(EventBatch.decode(data));
          return false;
        },
      },
    });
    const hourMs = 3_600_000;
    await Promise.all([
      log.append({ ...append([eventOf({ name: 'waited' })]), receivedAtMs: testNowMs - 5 * hourMs }),
      log.append(append([eventOf({ name: 'new' })])),
      log.append(append([eventOf({ name: 'new', id: idAt(testNowMs, 2) })])),
    ]);
    assert.deepEqual(
      published.map(({ receivedAtMs, events }) => [receivedAtMs, events.map(({ name }) => name)]),
      [
        [testNowMs - 5 * hourMs, ['waited']],
        [testNowMs, ['new', 'new']],
      ],
    );
    assert.notEqual(batchKeyOf({ set, receivedAtMs: 0 }, 'eu'), batchKeyOf({ set, receivedAtMs: 0 }, 'us'));
  });
});

describe('messageIdOf', () => {
  it('is the same for the same events of the same set, and only for them', () => {
    const ids = [idAt(testNowMs, 1), idAt(testNowMs, 2)];
    const id = messageIdOf(subjectOf(set, 'eu'), ids);
    assert.equal(messageIdOf(subjectOf(set, 'eu'), [...ids]), id);
    assert.notEqual(messageIdOf(subjectOf({ ...set, environment: 'staging' }, 'eu'), ids), id);
    assert.notEqual(messageIdOf(subjectOf(set, 'eu'), ids.slice(1)), id);
  });
});
