import assert from 'node:assert/strict';
import { Event, EventBatch, type ExposureKind, LogEventsRequest, StreamEventsRequest, User } from '@sluice/proto';
import fc from 'fast-check';
import { nameBytesMax } from '../limits.js';
import { anyEvent } from '../test/any-event.js';
import { eventOf, exposureOf, idAt, testNowMs, userOf } from '../test/events.js';
import { receive, receiveBatch } from './definition.js';
import { judgeSent, type SentEvent } from './sent-event.js';
import { isTimely, judge } from './validate.js';

const user = User.fromPartial({ userId: 'ada', customIds: { company: 'acme', team: 'red' }, country: 'DE' });
const events = [
  eventOf({ user, value: { $case: 'numberValue', value: 1 }, metadataJson: '{"a":1}' }),
  eventOf({ name: 'other' }),
];
const request = Buffer.from(
  LogEventsRequest.encode({ ...LogEventsRequest.fromPartial({}), events, sentAtMs: 5 }).finish(),
);
const arrival = { receivedAtMs: testNowMs, skewMs: 0 };

/** What the log gets of these. */
function forwardedOf(sent: readonly SentEvent[]): Event[] {
  const chunks = sent.map((one) => {
    const verdict = judgeSent(one, arrival);
    assert.ok('bytes' in verdict, 'reason' in verdict ? verdict.reason : '');
    return verdict.bytes.subarray(verdict.from, verdict.to);
  });
  return EventBatch.decode(Buffer.concat(chunks)).events;
}

/** The event that is sent in these bytes, and whether it is forwarded as it came. */
function sendOne(event: Uint8Array): { readonly sent: SentEvent; readonly isAsSent: boolean } {
  const { length } = event;
  const bytes = Buffer.concat([Buffer.from([0x12, (length & 0x7f) | 0x80, length >> 7]), event]);
  const received = receive(bytes);
  assert.ok('head' in received, 'problem' in received ? received.problem.message : '');
  const [sent] = received.events;
  assert.ok(sent);
  const verdict = judgeSent(sent, arrival);
  return { sent, isAsSent: 'bytes' in verdict && verdict.bytes === bytes };
}

const text = (field: number, value: string): Buffer =>
  Buffer.concat([Buffer.from([(field << 3) | 2, value.length]), Buffer.from(value)]);

describe('the bytes of events', () => {
  it('are those of the log, put end to end', () => {
    const received = receive(request);
    assert.ok('head' in received);
    assert.equal(received.head.sentAtMs, 5);
    assert.deepEqual(forwardedOf(received.events), events);
  });

  it('are told of a batch of a stream, too', () => {
    const batch = LogEventsRequest.decode(request);
    const received = receiveBatch(Buffer.from(StreamEventsRequest.encode({ batchNumber: 7, batch }).finish()));
    assert.ok('batch' in received);
    assert.deepEqual([received.batchNumber, received.batch?.head.sentAtMs], [7, 5]);
    assert.deepEqual(forwardedOf(received.batch?.events ?? []), events);
  });

  it('of a batch are named by their place in the stream', () => {
    const wrong = Buffer.from(
      StreamEventsRequest.encode({ batchNumber: 1, batch: LogEventsRequest.decode(request) }).finish(),
    );
    wrong[wrong.indexOf('other')] = 0xff;
    assert.deepEqual(receiveBatch(wrong), {
      problem: { field: 'batch.events[1].name', message: 'is not valid UTF-8' },
    });
  });

  const plain = Event.encode(events[1] as Event).finish();
  const mapEntry = (key: string): Buffer => Buffer.concat([text(1, key), text(2, 'x')]);
  const inUser = (...entries: Buffer[]): Buffer => {
    const body = Buffer.concat(entries.map((entry) => Buffer.concat([Buffer.from([0x12, entry.length]), entry])));
    return Buffer.concat([plain, Buffer.from([0x22, body.length]), body]);
  };
  const double = Buffer.concat([Buffer.from([(5 << 3) | 1]), Buffer.alloc(8)]);
  const head = Event.encode({ ...(events[1] as Event), name: '' }).finish();

  it('are forwarded where every reader sees the same in them', () => {
    assert.equal(sendOne(plain).isAsSent, true);
    assert.equal(sendOne(inUser(mapEntry('a'), mapEntry('b'))).isAsSent, true);
  });

  for (const [what, bytes] of Object.entries({
    'with a field that nobody knows': Buffer.concat([plain, text(15, 'new')]),
    'with a field that is there twice': Buffer.concat([head, text(3, 'one'), text(3, 'two')]),
    'with fields out of order': Buffer.concat([text(3, 'name'), head]),
    'with two values': Buffer.concat([plain, double, text(6, 'text')]),
    'with an entry of a map that is there twice': inUser(mapEntry('a'), mapEntry('a')),
  })) {
    it(`are made anew ${what}`, () => assert.equal(sendOne(bytes).isAsSent, false));
  }

  it('are refused alone, undecoded, when a map has too many entries', () => {
    const custom = Object.fromEntries(
      Array.from({ length: 1_001 }, (_, at) => [`k${at}`, { kind: { $case: 'boolValue' as const, value: true } }]),
    );
    const crowd = [events[0], eventOf({ user: userOf({ custom }) }), events[1]] as Event[];
    const received = receive(
      Buffer.from(LogEventsRequest.encode(LogEventsRequest.fromPartial({ events: crowd })).finish()),
    );
    assert.ok('head' in received, 'the request is sound');
    const verdicts = received.events.map((sent) => judgeSent(sent, arrival));
    assert.deepEqual(
      verdicts.map((verdict) => ('reason' in verdict ? verdict.reason : '')),
      ['', 'user.custom: has more than 1000 entries; send the ones that you ask for', ''],
    );
    assert.equal(received.events[1]?.event, undefined, 'it was decoded');
  });

  for (const [what, part] of Object.entries<Partial<Event>>({
    'has an id in capitals': { id: idAt(testNowMs, 0xabc).toUpperCase() },
    'has no id': { id: '' },
    'has an id that is none': { id: idAt(testNowMs).replace('7', 'g') },
    'has no name': { name: '' },
    'has a name in another script': { name: 'ключ' },
    'has a name with a NUL': { name: 'a\0b' },
    'has a long name': { name: 'n'.repeat(nameBytesMax + 1) },
    'has no time': { timeMs: 0 },
    'has JSON spelled otherwise': { metadataJson: '{ "a": 1 }' },
    'has a number that is none': { value: { $case: 'numberValue', value: Number.NaN } },
    'has a number past the limit': { value: { $case: 'numberValue', value: -1e301 } },
    'has private attributes': {
      user: userOf({ privateAttributes: { a: { kind: { $case: 'boolValue', value: true } } } }),
    },
    'has an attribute that is JSON': { user: userOf({ custom: { a: { kind: { $case: 'json', value: '{}' } } } }) },
    'has an exposure of no kind': { exposure: exposureOf({ kind: 0 }) },
    'has an exposure of an unknown kind': { exposure: exposureOf({ kind: 4 as ExposureKind }) },
    'has an exposure without unit': { exposure: exposureOf({ unitId: '' }) },
    'has a traceparent that is none': { traceparent: '00-zz' },
  })) {
    it(`are in doubt when the event ${what}`, () => {
      const { sent } = sendOne(Event.encode(eventOf(part)).finish());
      assert.equal(sent.span.isSound, false);
    });
  }

  it('that are sound beyond doubt are what the judge accepts as it is', () => {
    let sound = 0;
    fc.assert(
      fc.property(anyEvent, (event) => {
        const bytes = Buffer.from(LogEventsRequest.encode(LogEventsRequest.fromPartial({ events: [event] })).finish());
        const received = receive(bytes);
        assert.ok('head' in received);
        const [sent] = received.events;
        assert.ok(sent);
        if (!sent.span.isSound || !isTimely(sent.span.timeMs, arrival)) return;
        sound++;
        const decoded = Event.decode(Event.encode(event).finish());
        const verdict = judge(decoded, arrival);
        assert.ok('event' in verdict && verdict.event === decoded, 'reason' in verdict ? verdict.reason : 'changed');
        const { id, traceparent } = event;
        assert.deepEqual(judgeSent(sent, arrival), { id, traceparent, bytes, from: 0, to: bytes.length });
      }),
      { numRuns: 3_000 },
    );
    assert.ok(sound > 100, `${sound} sound ones`);
  });
});
