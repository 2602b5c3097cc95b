/** Batches of events on one stream; each is handled as LogEvents would. */
import { type Call, invalid, SluiceError } from '@sluice/mesh';
import type { StreamEventsResponse } from '@sluice/proto';
import { type Handling, logEvents } from './handlers.js';
import type { ReceivedBatch } from './wire/definition.js';

/** For refusals that name no delay of their own, in milliseconds. */
const retryAfterMs = 1_000;

/**
 * Answers one batch. What passes (a full log, a deadline) is an answer, so that one refusal does
 * not cost the batches behind it; what the sender must change ends the stream.
 */
export async function streamEvents(
  handling: Handling,
  received: ReceivedBatch,
  call: Call,
): Promise<StreamEventsResponse> {
  if ('problem' in received) {
    handling.counters.add('requests_malformed', 1);
    throw invalid(received.problem.field, received.problem.message);
  }
  const { batch, batchNumber } = received;
  if (!batch) throw invalid('batch', 'is missing; send a LogEventsRequest');
  try {
    const result = await logEvents(handling, batch, call);
    return { batchNumber, result, retryAfterMs: 0, reason: '' };
  } catch (error) {
    if (!(error instanceof SluiceError) || (error.kind !== 'exhausted' && error.kind !== 'unavailable')) throw error;
    return { batchNumber, result: undefined, retryAfterMs: error.retryAfterMs ?? retryAfterMs, reason: error.message };
  }
}
