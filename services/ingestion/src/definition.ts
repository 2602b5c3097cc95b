/** IngestionService with a strict reader in front of its decoder. */
import { invalid } from '@sluice/mesh';
import { IngestionServiceService, LogEventsRequest, StreamEventsRequest } from '@sluice/proto';
import { checkWire, type WireProblem } from './wire-check.js';
import { logEventsSchema, streamEventsSchema } from './wire-schema.js';

/** A request, or where its bytes are wrong: a decoder that throws would answer INTERNAL, and blame us. */
export type Received = { readonly request: LogEventsRequest } | { readonly problem: WireProblem };

export function receive(bytes: Uint8Array): Received {
  const problem = checkWire(bytes, logEventsSchema);
  if (problem) return { problem };
  try {
    return { request: LogEventsRequest.decode(bytes) };
  } catch (error) {
    return { problem: { field: 'request', message: (error as Error).message } };
  }
}

/** @throws SluiceError `invalid` when the bytes are wrong. */
export function requireRequest(received: Received): LogEventsRequest {
  if ('request' in received) return received.request;
  const { field, message } = received.problem;
  throw invalid(field, message);
}

/** One batch of a stream, or where its bytes are wrong. */
export type ReceivedBatch = { readonly request: StreamEventsRequest } | { readonly problem: WireProblem };

export function receiveBatch(bytes: Uint8Array): ReceivedBatch {
  const problem = checkWire(bytes, streamEventsSchema);
  if (problem) return { problem };
  try {
    return { request: StreamEventsRequest.decode(bytes) };
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
