import assert from 'node:assert/strict';
import { Event, EventBatch, LogEventsRequest, StreamEventsRequest, User } from '@sluice/proto';
import { receive, receiveBatch } from './definition.js';
import { eventOf } from './test/events.js';

const user = User.fromPartial({ userId: 'ada', customIds: { company: 'acme', team: 'red' }, country: 'DE' });
const events = [
  eventOf({ user, value: { $case: 'numberValue', value: 1 }, metadataJson: '{"a":1}' }),
  eventOf({ name: 'other' }),
];
const request = LogEventsRequest.encode({ ...LogEventsRequest.fromPartial({}), events }).finish();

/** What is forwarded of one event that is sent in these bytes. */
function asSentOf(event: Uint8Array): Uint8Array | undefined {
  const received = receive(Buffer.concat([Buffer.from([0x12, event.length]), event]));
  assert.ok('request' in received, 'problem' in received ? received.problem.message : '');
  return received.asSent[0];
}

const text = (field: number, value: string): Buffer =>
  Buffer.concat([Buffer.from([(field << 3) | 2, value.length]), Buffer.from(value)]);

describe('the bytes of events', () => {
  it('are those of the log, put end to end', () => {
    const received = receive(request);
    assert.ok('request' in received);
    const forwarded = EventBatch.decode(Buffer.concat(received.asSent.map((bytes) => bytes ?? Buffer.alloc(0))));
    assert.deepEqual(forwarded.events, received.request.events);
    assert.equal(forwarded.events.length, 2);
  });

  it('are told of a batch of a stream, too', () => {
    const batch = LogEventsRequest.decode(request);
    const received = receiveBatch(StreamEventsRequest.encode({ batchNumber: 7, batch }).finish());
    assert.ok('request' in received);
    const [first] = received.asSent;
    assert.deepEqual(EventBatch.decode(first ?? Buffer.alloc(0)).events[0], batch.events[0]);
  });

  const plain = Event.encode(events[1] as Event).finish();
  const mapEntry = (key: string): Buffer => Buffer.concat([text(1, key), text(2, 'x')]);
  const inUser = (...entries: Buffer[]): Buffer => {
    const body = Buffer.concat(entries.map((entry) => Buffer.concat([Buffer.from([0x12, entry.length]), entry])));
    return Buffer.concat([text(1, 'id'), text(3, 'n'), Buffer.from([0x22, body.length]), body]);
  };
  const double = Buffer.concat([Buffer.from([(5 << 3) | 1]), Buffer.alloc(8)]);

  it('are forwarded where every reader sees the same in them', () => {
    assert.deepEqual(asSentOf(plain), Buffer.concat([Buffer.from([0x12, plain.length]), plain]));
    assert.notEqual(asSentOf(inUser(mapEntry('a'), mapEntry('b'))), undefined);
  });

  for (const [what, bytes] of Object.entries({
    'with a field that nobody knows': Buffer.concat([plain, text(15, 'new')]),
    'with a field that is there twice': Buffer.concat([text(1, 'id'), text(3, 'one'), text(3, 'two')]),
    'with fields out of order': Buffer.concat([text(3, 'name'), text(1, 'id')]),
    'with two values': Buffer.concat([text(1, 'id'), double, text(6, 'text')]),
    'with an entry of a map that is there twice': inUser(mapEntry('a'), mapEntry('a')),
  })) {
    it(`are made anew ${what}`, () => assert.equal(asSentOf(bytes), undefined));
  }
});
