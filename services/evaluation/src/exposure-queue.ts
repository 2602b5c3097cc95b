import { setTimeout as delay } from 'node:timers/promises';
import { backoff, type Logger, SluiceError, withSpan } from '@sluice/mesh';
import {
  type Event,
  type EventOutcome,
  type LogEventsRequest,
  type LogEventsResponse,
  Outcome,
  type SetRef,
} from '@sluice/proto';
import { setKey } from '@sluice/replica';
import { countExposures, type ExposureRecord, eventsOf, type SizedEvent } from './exposure.js';
import { batchBytesMax, batchEventsMax, batchLingerMs, batchLinksMax, batchTimeoutMs } from './limits.js';

export interface ExposureQueueOptions {
  readonly send: (request: LogEventsRequest, signal: AbortSignal) => Promise<LogEventsResponse>;
  /** Exposures that may wait; more are dropped and counted. */
  readonly exposuresMax: number;
  readonly logger: Logger;
}

/** `exposures_generated` = accepted + duplicate + rejected + dropped + those that wait. */
export interface ExposureCounters extends Record<string, number> {
  exposures_generated: number;
  exposures_accepted: number;
  exposures_duplicate: number;
  exposures_rejected: number;
  exposures_dropped_full: number;
  exposures_dropped_refused: number;
  exposures_dropped_at_stop: number;
}

interface Batch {
  readonly set: SetRef;
  readonly events: Event[];
  bytes: number;
}

/** What waits for one set: records of requests, and the events of the record that is being sent. */
interface Waiting {
  readonly set: SetRef;
  readonly records: ExposureRecord[];
  events: SizedEvent[];
}

/** Trying again would be refused again. */
const finalKinds: readonly string[] = ['invalid', 'forbidden', 'not_found', 'precondition', 'unimplemented'];
const firstWaitMs = 100;
const longestWaitMs = 5_000;

/**
 * Brings exposures to ingestion without ever making an answer wait: a bounded buffer, batches
 * by set, and the same ids again until ingestion has them or refuses them. Each one is counted.
 */
export class ExposureQueue {
  readonly counters: ExposureCounters = {
    exposures_generated: 0,
    exposures_accepted: 0,
    exposures_duplicate: 0,
    exposures_rejected: 0,
    exposures_dropped_full: 0,
    exposures_dropped_refused: 0,
    exposures_dropped_at_stop: 0,
  };
  readonly #options: ExposureQueueOptions;
  readonly #waiting = new Map<string, Waiting>();
  readonly #stopped = new AbortController();
  /** Cuts lingering and waits between attempts short. */
  readonly #hurry = new AbortController();
  #size = 0;
  #sending: Promise<void> | undefined;
  #isFailing = false;

  constructor(options: ExposureQueueOptions) {
    this.#options = options;
  }

  /** Exposures that wait. */
  get size(): number {
    return this.#size;
  }

  /** Takes the exposures of an answered request, or counts them as dropped. */
  offer(record: ExposureRecord): void {
    let count = 0;
    for (const decision of record.decisions) count += countExposures(record.user, decision);
    if (count === 0) return;
    this.counters.exposures_generated += count;
    if (this.#stopped.signal.aborted || this.#size + count > this.#options.exposuresMax) {
      this.counters.exposures_dropped_full += count;
      return;
    }
    this.#size += count;
    const key = setKey(record.set);
    const waiting = this.#waiting.get(key) ?? { set: record.set, records: [], events: [] };
    this.#waiting.set(key, waiting);
    waiting.records.push(record);
    this.#startSending();
  }

  /** Sends what waits, for so long; what is left then is dropped and counted. */
  async close(timeoutMs: number): Promise<void> {
    this.#hurry.abort();
    const timer = setTimeout(() => this.#stopped.abort(), timeoutMs);
    while (this.#sending) await this.#sending;
    clearTimeout(timer);
    this.#stopped.abort();
    this.counters.exposures_dropped_at_stop += this.#size;
    if (this.#size > 0) this.#options.logger.warn({ exposures: this.#size }, 'exposures dropped at stop');
    this.#size = 0;
  }

  #startSending(): void {
    this.#sending ??= this.#send().then(() => {
      this.#sending = undefined;
      // What came between the last look and now would wait for the next exposure.
      if (this.#waiting.size > 0 && !this.#stopped.signal.aborted) this.#startSending();
    });
  }

  async #send(): Promise<void> {
    while (this.#waiting.size > 0 && !this.#stopped.signal.aborted) {
      if (this.#size < batchEventsMax) await rest(batchLingerMs, this.#hurry.signal);
      for (const [key, waiting] of [...this.#waiting]) {
        for (let batch = takeBatch(waiting); batch; batch = takeBatch(waiting)) {
          await this.#deliver(batch);
          if (this.#stopped.signal.aborted) return;
        }
        this.#waiting.delete(key);
      }
    }
  }

  /** Tries until ingestion has answered for the batch, or time is up. */
  async #deliver({ set, events }: Batch): Promise<void> {
    for (let attempt = 0; !this.#stopped.signal.aborted; attempt++) {
      try {
        const { outcomes } = await this.#call(set, events);
        this.#size -= events.length;
        this.#settle(events, outcomes);
        return;
      } catch (error) {
        const waitMs = this.#judge(error, attempt);
        if (waitMs === undefined) {
          this.#size -= events.length;
          this.counters.exposures_dropped_refused += events.length;
          return;
        }
        await rest(waitMs, this.#stopped.signal);
      }
    }
  }

  #call(set: SetRef, events: Event[]): Promise<LogEventsResponse> {
    const traces = [...new Set(events.map(({ traceparent }) => traceparent))].filter((trace) => trace !== '');
    const [parent, ...others] = traces;
    const attributes = { 'sluice.set': setKey(set), 'sluice.exposures': events.length };
    const span = { kind: 'producer', parent, links: others.slice(0, batchLinksMax), attributes } as const;
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(batchTimeoutMs)]);
    return withSpan('exposures.send', span, () => this.#options.send({ set, events, sentAtMs: Date.now() }, signal));
  }

  /** @returns how long to wait before the next attempt; undefined when there should be none. */
  #judge(error: unknown, attempt: number): number | undefined {
    const { logger } = this.#options;
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof SluiceError && finalKinds.includes(error.kind)) {
      logger.error({ reason }, 'ingestion refuses exposures; dropped');
      return undefined;
    }
    if (!this.#isFailing) logger.warn({ reason }, 'exposures can not be sent; they wait');
    this.#isFailing = true;
    const asked = error instanceof SluiceError ? (error.retryAfterMs ?? 0) : 0;
    return Math.max(backoff(attempt, firstWaitMs, longestWaitMs), Math.min(asked, longestWaitMs));
  }

  #settle(events: readonly Event[], outcomes: readonly EventOutcome[]): void {
    if (this.#isFailing) this.#options.logger.info('exposures can be sent again');
    this.#isFailing = false;
    for (let i = 0; i < events.length; i++) {
      const outcome = outcomes[i];
      if (outcome?.outcome === Outcome.ACCEPTED) this.counters.exposures_accepted++;
      else if (outcome?.outcome === Outcome.DUPLICATE) this.counters.exposures_duplicate++;
      else this.#reject(outcome);
    }
  }

  #reject(outcome: EventOutcome | undefined): void {
    if (this.counters.exposures_rejected++ > 0) return;
    this.#options.logger.warn(
      { reason: outcome?.reason ?? 'no outcome' },
      'an exposure was rejected; more are only counted',
    );
  }
}

/** The next events of a set, up to the limits of a batch; at least one, if there is any. */
function takeBatch(waiting: Waiting): Batch | undefined {
  const batch: Batch = { set: waiting.set, events: [], bytes: 0 };
  for (;;) {
    if (waiting.events.length === 0) {
      const record = waiting.records.shift();
      if (!record) break;
      // Reversed, so that taking from the front is cheap.
      waiting.events = eventsOf(record).reverse();
    }
    const next = waiting.events.at(-1);
    if (!next) continue;
    const isFull = batch.events.length >= batchEventsMax || batch.bytes + next.bytes > batchBytesMax;
    if (isFull && batch.events.length > 0) break;
    waiting.events.pop();
    batch.events.push(next.event);
    batch.bytes += next.bytes;
  }
  return batch.events.length > 0 ? batch : undefined;
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal }).catch(() => undefined);
}
