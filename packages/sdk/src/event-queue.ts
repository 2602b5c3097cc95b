import { setTimeout as delay } from 'node:timers/promises';
import type { User } from '@sluice/engine';
import { backoff, type Logger, SluiceError } from '@sluice/mesh';
import {
  type Event,
  type EventOutcome,
  type Exposure,
  type LogEventsRequest,
  type LogEventsResponse,
  Outcome,
  type SetRef,
} from '@sluice/proto';
import { messageOf } from './failed-answer.js';
import {
  batchBytesMax,
  batchEventsMax,
  batchTimeoutMs,
  eventBytesMax,
  queueBytesMax,
  resendFirstMs,
  resendLongestMs,
} from './limits.js';
import {
  type EventDetails,
  eventOf,
  type PendingEvent,
  pendingEvent,
  pendingExposure,
  type SizedEvent,
} from './pending-event.js';

export interface EventQueueOptions {
  /** Undefined: nobody takes events, they are dropped and counted. */
  readonly send: ((request: LogEventsRequest, signal: AbortSignal) => Promise<LogEventsResponse>) | undefined;
  readonly set: () => SetRef | undefined;
  readonly eventsMax: number;
  readonly lingerMs: number;
  readonly logger: Logger;
}

/** Why an event was dropped. */
export interface DroppedCounters {
  /** The queue was full. */
  queueFull: number;
  /** Larger than one event may be, or nothing that can be sent. */
  unfit: number;
  /** Ingestion refused the batch, for instance for its key. */
  refused: number;
  /** No ingestion target was given. */
  noTarget: number;
  /** Left, or logged, after the close. */
  closed: number;
}

/** `generated` = accepted + duplicate + rejected + the sum of dropped + queued. */
export interface EventCounters {
  readonly generated: number;
  readonly accepted: number;
  /** Ingestion had them already, from an attempt whose answer was lost. */
  readonly duplicate: number;
  readonly rejected: number;
  readonly dropped: Readonly<DroppedCounters>;
  readonly queued: number;
}

/** Trying again would be refused again. */
const finalKinds: readonly string[] = ['invalid', 'forbidden', 'not_found', 'precondition', 'unimplemented'];

/**
 * Brings events to ingestion without ever making a caller wait: bounded memory, batches, and the
 * same ids again until ingestion has them or refuses them. Every event ends in exactly one counter.
 */
export class EventQueue {
  readonly #options: EventQueueOptions;
  readonly #counts = { generated: 0, accepted: 0, duplicate: 0, rejected: 0 };
  readonly #dropped: DroppedCounters = { queueFull: 0, unfit: 0, refused: 0, noTarget: 0, closed: 0 };
  #waiting: PendingEvent[] = [];
  /** First of `waiting` that was not taken yet. */
  #head = 0;
  /** Taken from the queue, but too much for the batch before. */
  #left: SizedEvent | undefined;
  #bytes = 0;
  #queued = 0;
  readonly #stopped = new AbortController();
  /** Cuts lingering short. */
  #hurry = new AbortController();
  #flushing = 0;
  #sending: Promise<void> | undefined;
  readonly #warned = new Set<string>();
  #isFailing = false;

  constructor(options: EventQueueOptions) {
    this.#options = options;
  }

  /** A copy of the books, which always balance. */
  get counters(): EventCounters {
    return { ...this.#counts, dropped: { ...this.#dropped }, queued: this.#queued };
  }

  offerExposure(exposure: Exposure, user: User): void {
    this.#offer(() => pendingExposure(exposure, user));
  }

  offerEvent(name: string, user: User, details: EventDetails): void {
    this.#offer(() => pendingEvent(name, user, details));
  }

  /** @returns whether everything that waited is settled within that time. */
  async flush(timeoutMs: number): Promise<boolean> {
    const timeout = new AbortController();
    const late = delay(timeoutMs, 'late', { signal: timeout.signal }).catch(() => 'settled');
    this.#flushing++;
    try {
      while (this.#sending) {
        this.#hurry.abort();
        if ((await Promise.race([this.#sending, late])) === 'late') return this.#queued === 0;
      }
      return true;
    } finally {
      this.#flushing--;
      timeout.abort();
    }
  }

  /** Sends what waits, for so long; what is left then is dropped and counted. */
  async close(timeoutMs: number): Promise<void> {
    await this.flush(timeoutMs);
    this.#stopped.abort();
    this.#hurry.abort();
    await this.#sending;
    if (this.#queued > 0) this.#options.logger.warn({ events: this.#queued }, 'events dropped at close');
    this.#dropped.closed += this.#queued;
    this.#queued = 0;
    this.#waiting = [];
    this.#left = undefined;
  }

  #offer(make: () => PendingEvent): void {
    this.#counts.generated++;
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      this.#drop(...refusal);
      return;
    }
    const pending = this.#make(make);
    if (!pending) return;
    this.#queued++;
    this.#bytes += pending.bytes;
    this.#waiting.push(pending);
    if (this.#waiting.length - this.#head >= batchEventsMax) this.#hurry.abort();
    this.#startSending();
  }

  /** Why no event can be taken now, if so. */
  #refusal(): [keyof DroppedCounters, string] | undefined {
    const { send, eventsMax } = this.#options;
    if (!send) return ['noTarget', 'no ingestionTarget is set: events are dropped; give one to send them'];
    if (this.#stopped.signal.aborted) return ['closed', 'events are logged after close; they are dropped'];
    const isFull = this.#queued >= eventsMax || this.#bytes > queueBytesMax;
    return isFull ? ['queueFull', 'the queue of events is full; more are dropped and counted'] : undefined;
  }

  #make(make: () => PendingEvent): PendingEvent | undefined {
    try {
      const pending = make();
      if (pending.bytes <= 4 * eventBytesMax) return pending;
      this.#drop('unfit', 'an event is too large; it is dropped');
    } catch (error) {
      this.#drop('unfit', `an event can not be sent: ${messageOf(error)}`);
    }
    return undefined;
  }

  /** Each reason is told once; the counter says the rest. */
  #drop(reason: keyof DroppedCounters, message: string): void {
    this.#dropped[reason]++;
    if (this.#warned.has(reason)) return;
    this.#warned.add(reason);
    this.#options.logger.warn(message);
  }

  #startSending(): void {
    this.#sending ??= this.#send().then(() => {
      this.#sending = undefined;
      // What came between the last look and now would wait for the next event.
      if (this.#isWaiting && !this.#stopped.signal.aborted) this.#startSending();
    });
  }

  get #isWaiting(): boolean {
    return this.#head < this.#waiting.length || this.#left !== undefined;
  }

  async #send(): Promise<void> {
    await this.#linger();
    while (this.#isWaiting && !this.#stopped.signal.aborted) {
      const batch = this.#takeBatch();
      if (batch.length > 0) await this.#deliver(batch);
      // A batch that is not full may have company soon.
      if (this.#isWaiting && this.#waiting.length - this.#head < batchEventsMax) await this.#linger();
    }
  }

  async #linger(): Promise<void> {
    if (this.#flushing === 0) await rest(this.#options.lingerMs, this.#hurry.signal);
    this.#hurry = new AbortController();
  }

  /** The next events up to the limits of a batch. */
  #takeBatch(): Event[] {
    const batch: Event[] = [];
    let bytes = 0;
    for (;;) {
      const next = this.#left ?? this.#takeNext();
      this.#left = undefined;
      if (!next) return batch;
      if (batch.length > 0 && (batch.length >= batchEventsMax || bytes + next.bytes > batchBytesMax)) {
        this.#left = next;
        return batch;
      }
      batch.push(next.event);
      // The tag and length of the event in its request.
      bytes += next.bytes + 6;
    }
  }

  #takeNext(): SizedEvent | undefined {
    while (this.#head < this.#waiting.length) {
      const pending = this.#waiting[this.#head++];
      if (this.#head >= 1_024 || this.#head === this.#waiting.length) {
        this.#waiting = this.#waiting.slice(this.#head);
        this.#head = 0;
      }
      if (!pending) continue;
      this.#bytes -= pending.bytes;
      const sized = this.#sizedOf(pending);
      if (sized) return sized;
    }
    return undefined;
  }

  #sizedOf(pending: PendingEvent): SizedEvent | undefined {
    try {
      const sized = eventOf(pending);
      if (sized.bytes <= eventBytesMax) return sized;
      this.#drop('unfit', `an event of ${sized.bytes} bytes is too large; at most ${eventBytesMax} can be sent`);
    } catch (error) {
      this.#drop('unfit', `an event can not be sent: ${messageOf(error)}`);
    }
    this.#queued--;
    return undefined;
  }

  /** Tries until ingestion has answered for the batch, or time is up. */
  async #deliver(events: Event[]): Promise<void> {
    for (let attempt = 0; !this.#stopped.signal.aborted; attempt++) {
      try {
        const { outcomes } = await this.#call(events);
        this.#settle(outcomes, events.length);
        return;
      } catch (error) {
        const waitMs = this.#judge(error, attempt);
        if (waitMs === undefined) {
          this.#queued -= events.length;
          this.#dropped.refused += events.length;
          return;
        }
        await rest(waitMs, this.#stopped.signal);
      }
    }
  }

  async #call(events: Event[]): Promise<LogEventsResponse> {
    const { send, set } = this.#options;
    if (!send) throw new SluiceError('precondition', 'no ingestion target');
    const signal = AbortSignal.any([this.#stopped.signal, AbortSignal.timeout(batchTimeoutMs)]);
    return send({ set: set(), events, sentAtMs: Date.now() }, signal);
  }

  /** @returns how long to wait before the next attempt; undefined when there should be none. */
  #judge(error: unknown, attempt: number): number | undefined {
    const { logger } = this.#options;
    const reason = messageOf(error);
    if (error instanceof SluiceError && finalKinds.includes(error.kind)) {
      logger.error({ reason }, 'ingestion refuses events; dropped');
      return undefined;
    }
    if (!this.#isFailing) logger.warn({ reason }, 'events can not be sent; they wait');
    this.#isFailing = true;
    const asked = error instanceof SluiceError ? (error.retryAfterMs ?? 0) : 0;
    return Math.max(backoff(attempt, resendFirstMs, resendLongestMs), Math.min(asked, resendLongestMs));
  }

  #settle(outcomes: readonly EventOutcome[], sent: number): void {
    if (this.#isFailing) this.#options.logger.info('events can be sent again');
    this.#isFailing = false;
    this.#queued -= sent;
    for (let at = 0; at < sent; at++) {
      const outcome = outcomes[at];
      if (outcome?.outcome === Outcome.ACCEPTED) this.#counts.accepted++;
      else if (outcome?.outcome === Outcome.DUPLICATE) this.#counts.duplicate++;
      else this.#reject(outcome);
    }
  }

  #reject(outcome: EventOutcome | undefined): void {
    if (this.#counts.rejected++ > 0) return;
    this.#options.logger.warn(
      { reason: outcome?.reason ?? 'no outcome' },
      'an event was rejected; more are only counted',
    );
  }
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal, ref: false }).catch(() => undefined);
}
