/** IngestionService with a strict reader in front of its decoder. */
import { invalid } from '@sluice/mesh';
import { type Event, IngestionServiceService, LogEventsRequest, StreamEventsRequest } from '@sluice/proto';
import { checkWire, type Span, type WireProblem } from './wire-check.js';
import { logEventsSchema, streamEventsSchema } from './wire-schema.js';

/** The bytes of each event as it was sent, with its tag; undefined where readers might differ over them. */
export type AsSent = readonly (Uint8Array | undefined)[];

/** A request, or where its bytes are wrong: a decoder that throws would answer INTERNAL, and blame us. */
export type Received =
  | { readonly request: LogEventsRequest; readonly asSent: AsSent }
  | { readonly problem: WireProblem };

export function receive(bytes: Uint8Array): Received {
  const spans: Span[] = [];
  const problem = checkWire(bytes, logEventsSchema, spans);
  if (problem) return { problem };
  try {
    const request = LogEventsRequest.decode(bytes);
    return { request, asSent: asSentIn(bytes, spans, request) };
  } catch (error) {
    return { problem: { field: 'request', message: (error as Error).message } };
  }
}

function asSentIn(bytes: Uint8Array, spans: readonly Span[], { events }: LogEventsRequest): AsSent {
  return events.map((event, at) => {
    const span = spans[at];
    const isSound = span?.isPlain && span.entries === entriesOf(event);
    return isSound ? bytes.subarray(span.from, span.to) : undefined;
  });
}

function entriesOf({ user }: Event): number {
  if (!user) return 0;
  let entries = 0;
  for (const map of [user.customIds, user.custom, user.privateAttributes, user.environment]) {
    for (const _ in map) entries++;
  }
  return entries;
}

/** @throws SluiceError `invalid` when the bytes are wrong. */
export function requireRequest(received: Received): Extract<Received, { request: LogEventsRequest }> {
  if ('request' in received) return received;
  const { field, message } = received.problem;
  throw invalid(field, message);
}

/** One batch of a stream, or where its bytes are wrong. */
export type ReceivedBatch =
  | { readonly request: StreamEventsRequest; readonly asSent: AsSent }
  | { readonly problem: WireProblem };

export function receiveBatch(bytes: Uint8Array): ReceivedBatch {
  const spans: Span[] = [];
  const problem = checkWire(bytes, streamEventsSchema, spans);
  if (problem) return { problem };
  try {
    const request = StreamEventsRequest.decode(bytes);
    // Of a batch that is there twice decoders keep the last; the events of both have spans.
    const { batch } = request;
    const asSent = batch?.events.length === spans.length ? asSentIn(bytes, spans, batch) : [];
    return { request, asSent };
  } catch (error) {
    return { problem: { field: 'request', message: (error as Error).message } };
  }
}

export const strictIngestionService = {
  ...IngestionServiceService,
  streamEvents: {
    ...IngestionServiceService.streamEvents,
    requestDeserialize: (bytes: Buffer): ReceivedBatch => receiveBatch(bytes),
  },
  logEvents: { ...IngestionServiceService.logEvents, requestDeserialize: (bytes: Buffer): Received => receive(bytes) },
} as const;
