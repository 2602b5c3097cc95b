import { setTimeout as delay } from 'node:timers/promises';
import { backoff, SluiceError } from '@sluice/mesh';
import type { EventOutcome } from '@sluice/proto';
import type { ImportBatch } from './event-import.js';
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
  { events, ...source }: ImportBatch,
  patienceMs: number,
): Promise<readonly EventOutcome[]> {
  const untilMs = performance.now() + patienceMs;
  for (let attempt = 0; ; attempt++) {
    try {
      // Times of the past need no correction for the clock of today: no sentAtMs.
      const request = { set: session.set, events: [...events], ...source, sentAtMs: 0 };
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

/** Tells ingestion how the import ended; nothing depends on its arrival. */
export async function tellEnd(
  session: Session,
  { sourceId, report }: Pick<ImportBatch, 'sourceId' | 'report'>,
): Promise<void> {
  const request = { set: session.set, events: [], sentAtMs: 0, sourceId, sequence: report.sequenced + 1, report };
  await session.ingestion.logEvents(request, session.call).catch(() => undefined);
}
