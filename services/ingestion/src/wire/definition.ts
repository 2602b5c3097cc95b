/** IngestionService with a strict reader in front of its decoder. */
import { invalid } from '@sluice/mesh';
import { IngestionServiceService, LogEventsRequest, StreamEventsRequest } from '@sluice/proto';
import { type SentEvent, sentEvent } from './sent-event.js';
import { checkWire, type Span, type WireProblem } from './wire-check.js';
import type { MessageSchema } from './wire-fields.js';
import { logEventsSchema, streamEventsSchema } from './wire-schema.js';

/** What a request says apart from its events. */
export type RequestHead = Omit<LogEventsRequest, 'events'>;

/** A request, or where its bytes are wrong: a decoder that throws would answer INTERNAL, and blame us. */
export type Received = Request | { readonly problem: WireProblem };

export interface Request {
  readonly head: RequestHead;
  readonly events: readonly SentEvent[];
}

export function receive(bytes: Buffer): Received {
  return read(bytes, logEventsSchema, (spans) => ({
    head: LogEventsRequest.decode(outside(bytes, spans)),
    events: spans.map((span) => sentEvent(bytes, span)),
  }));
}

/** One batch of a stream, or where its bytes are wrong. */
export type ReceivedBatch =
  | { readonly batch: Request | undefined; readonly batchNumber: number }
  | { readonly problem: WireProblem };

export function receiveBatch(bytes: Buffer): ReceivedBatch {
  return read(bytes, streamEventsSchema, (spans) => {
    let batch: Request | undefined;
    for (const { contentFrom, to } of spans) {
      const received = receive(bytes.subarray(contentFrom, to));
      if ('problem' in received) return { problem: within('batch', received.problem) };
      // Of a batch that is there twice, the last counts.
      batch = received;
    }
    const { batchNumber } = StreamEventsRequest.decode(outside(bytes, spans));
    return { batch, batchNumber };
  });
}

function read<T>(bytes: Buffer, schema: MessageSchema, decode: (spans: readonly Span[]) => T) {
  const spans: Span[] = [];
  const problem = checkWire(bytes, schema, spans);
  if (problem) return { problem };
  try {
    return decode(spans);
  } catch (error) {
    return { problem: { field: 'request', message: (error as Error).message } };
  }
}

const within = (field: string, problem: WireProblem): WireProblem => ({
  field: problem.field === 'request' ? field : `${field}.${problem.field}`,
  message: problem.message,
});

/** What is left when the spans are cut out. */
function outside(bytes: Buffer, spans: readonly Span[]): Buffer {
  const parts: Buffer[] = [];
  let from = 0;
  for (const span of spans) {
    if (span.from > from) parts.push(bytes.subarray(from, span.from));
    from = span.to;
  }
  return Buffer.concat([...parts, bytes.subarray(from)]);
}

/** @throws SluiceError `invalid` when the bytes are wrong. */
export function requireRequest(received: Received): Request {
  if ('head' in received) return received;
  const { field, message } = received.problem;
  throw invalid(field, message);
}

export const strictIngestionService = {
  ...IngestionServiceService,
  streamEvents: {
    ...IngestionServiceService.streamEvents,
    requestDeserialize: (bytes: Buffer): ReceivedBatch => receiveBatch(bytes),
  },
  logEvents: { ...IngestionServiceService.logEvents, requestDeserialize: (bytes: Buffer): Received => receive(bytes) },
} as const;
