import { setTimeout as delay } from 'node:timers/promises';
import { backoff, SluiceError } from '@sluice/mesh';
import type { Event, EventOutcome } from '@sluice/proto';
import type { Session } from './session.js';

const passing: readonly string[] = ['unavailable', 'exhausted', 'deadline', 'cancelled'];
const firstWaitMs = 100;
const longestWaitMs = 5_000;

/**
 * Sends events until they are answered for, the same ones again where it failed.
 * @throws what does not pass, and what did not pass in `patienceMs`.
 */
export async function sendEvents(
  session: Session,
  events: readonly Event[],
  patienceMs: number,
): Promise<readonly EventOutcome[]> {
  const untilMs = performance.now() + patienceMs;
  for (let attempt = 0; ; attempt++) {
    try {
      // Times of the past need no correction for the clock of today: no sentAtMs.
      const request = { set: session.set, events: [...events], sentAtMs: 0 };
      return (await session.ingestion.logEvents(request, session.call)).outcomes;
    } catch (error) {
      const mayPass = error instanceof SluiceError && passing.includes(error.kind);
      if (!mayPass || performance.now() > untilMs) throw error;
      await delay(
        Math.max(backoff(attempt, firstWaitMs, longestWaitMs), Math.min(error.retryAfterMs ?? 0, longestWaitMs)),
      );
    }
  }
}
