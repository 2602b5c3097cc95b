/** IngestionService with a strict reader in front of its decoder. */
import { invalid } from '@sluice/mesh';
import { IngestionServiceService, LogEventsRequest } from '@sluice/proto';
import { checkWire, type WireProblem } from './wire-check.js';
import { logEventsSchema } from './wire-schema.js';

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

export const strictIngestionService = {
  ...IngestionServiceService,
  logEvents: { ...IngestionServiceService.logEvents, requestDeserialize: (bytes: Buffer): Received => receive(bytes) },
} as const;
