/** What the check in front of the log lets pass, the writer behind it reads: one odd request must never cost others their events. */
import assert from 'node:assert/strict';
import { EventBatch, LogEventsRequest } from '@sluice/proto';
import fc from 'fast-check';
import { anyEvent } from '../test/any-event.js';
import { eventOf, idAt, testNowMs } from '../test/events.js';
import { stretch } from '../test/stretched.js';
import { batchOf } from '../test/wire.js';
import { take } from '../writer/taken.js';
import { receive } from './definition.js';
import { judgeSent } from './sent-event.js';
import { logEvents } from './wire-schema.js';

const arrival = { receivedAtMs: testNowMs, skewMs: 0 };
const head = EventBatch.encode(batchOf({ instance: 'ingestion-1', region: 'local' })).finish();
const neighbour = EventBatch.encode({
  ...EventBatch.create(),
  events: [eventOf({ id: idAt(testNowMs, 1), name: 'neighbour' })],
}).finish();

/** What the log gets of a request's bytes; undefined when they are refused as a whole. */
function forwarded(bytes: Buffer): Uint8Array[] | undefined {
  const received = receive(bytes);
  if (!('head' in received)) return undefined;
  return received.events.flatMap((sent) => {
    const verdict = judgeSent(sent, arrival);
    return 'reason' in verdict ? [] : [verdict.bytes.subarray(verdict.from, verdict.to)];
  });
}

function checkTaken(chunks: readonly Uint8Array[]): void {
  const data = Buffer.concat([head, neighbour, ...chunks, neighbour]);
  const { rows, unfit, problem } = take({ subject: 'events.v1.local.shop.production', data, sequence: 1 }, 'EVENTS');
  assert.equal(problem, undefined);
  assert.deepEqual(
    unfit.map(({ reason }) => reason),
    [],
  );
  assert.equal(rows.length, chunks.length + 2);
  assert.deepEqual([rows[0]?.name, rows.at(-1)?.name], ['neighbour', 'neighbour']);
}

const encode = (events: LogEventsRequest['events']): Uint8Array =>
  LogEventsRequest.encode(LogEventsRequest.fromPartial({ events })).finish();
const someEvents = fc.array(anyEvent, { minLength: 1, maxLength: 3 });
const extras = (max: number) => fc.infiniteStream(fc.oneof({ weight: 12, arbitrary: fc.constant(0) }, fc.nat({ max })));

describe('the check and the writer', () => {
  it('agree about tags, lengths and numbers of any width', () => {
    let passed = 0;
    fc.assert(
      fc.property(someEvents, extras(9), (events, extra) => {
        const chunks = forwarded(stretch(encode(events), logEvents, () => extra.next().value));
        if (chunks === undefined) return;
        passed += chunks.length;
        checkTaken(chunks);
      }),
      { numRuns: 1_500 },
    );
    assert.ok(passed > 100, `${passed} events passed`);
  });

  it('agree about requests with bytes that changed', () => {
    let passed = 0;
    const changes = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(someEvents, extras(3), changes, (events, extra, wrong) => {
        const bytes = stretch(encode(events), logEvents, () => extra.next().value);
        for (const [place, byte] of wrong) bytes[place % bytes.length] = byte;
        const chunks = forwarded(bytes);
        if (chunks === undefined) return;
        passed += chunks.length;
        checkTaken(chunks);
      }),
      { numRuns: 3_000 },
    );
    assert.ok(passed > 100, `${passed} events passed`);
  });

  it('the writer reads lengths that older servers let pass, so that what they buried can be tried again', () => {
    const events = [eventOf({ name: 'odd' })];
    const odd = stretch(encode(events), { fields: {} }, () => 5);
    assert.equal(forwarded(odd), undefined, 'such lengths are refused now');
    checkTaken([odd]);
  });
});
