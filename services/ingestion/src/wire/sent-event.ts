/** An event as it was sent: what is sound beyond doubt goes to the log as it came; everything else is decoded and judged. Pure. */
import { Event, EventBatch } from '@sluice/proto';
import type { LogEvent } from '../log/event-log.js';
import { type Arrival, isTimely, judge } from './validate.js';
import type { Span } from './wire-check.js';

export interface SentEvent {
  /** Of the whole request. */
  readonly bytes: Buffer;
  readonly span: Span;
  /** Decoded already, as it is in doubt and not refused yet. */
  readonly event: Event | undefined;
}

/** An event of those bytes. @throws Error when it can't be decoded */
export function sentEvent(bytes: Buffer, span: Span): SentEvent {
  const isDecoded = !span.isSound && span.excess === undefined;
  return { bytes, span, event: isDecoded ? decode(bytes, span) : undefined };
}

/** The event as the log shall hold it, or a sentence that names the wrong field and says what to do. */
export function judgeSent(sent: SentEvent, arrival: Arrival): LogEvent | { readonly reason: string } {
  const { bytes, span } = sent;
  if (span.excess !== undefined) return { reason: span.excess };
  if (span.isSound && arrival.skewMs === 0 && isTimely(span.timeMs, arrival)) {
    const { idFrom, traceFrom, from, to } = span;
    const traceparent = traceFrom === 0 ? '' : bytes.toString('latin1', traceFrom, traceFrom + traceparentLength);
    return { id: bytes.toString('latin1', idFrom, idFrom + uuidLength), traceparent, bytes, from, to };
  }
  const event = sent.event ?? decode(bytes, span);
  const verdict = judge(event, arrival);
  if ('reason' in verdict) return verdict;
  const isAsSent = verdict.event === event && span.isPlain && span.entries === entriesOf(event);
  if (!isAsSent) return logEvent(verdict.event);
  return { id: event.id, traceparent: event.traceparent, bytes, from: span.from, to: span.to };
}

const uuidLength = 36;
const traceparentLength = 55;

/** An event in bytes of its own. */
export function logEvent(event: Event): LogEvent {
  const bytes = EventBatch.encode({ ...nothing, events: [event] }).finish();
  return { id: event.id, traceparent: event.traceparent, bytes, from: 0, to: bytes.length };
}

const nothing: EventBatch = EventBatch.create();

const decode = (bytes: Buffer, { contentFrom, to }: Span): Event => Event.decode(bytes.subarray(contentFrom, to));

function entriesOf({ user }: Event): number {
  if (!user) return 0;
  let entries = 0;
  for (const map of [user.customIds, user.custom, user.privateAttributes, user.environment]) {
    for (const _ in map) entries++;
  }
  return entries;
}
