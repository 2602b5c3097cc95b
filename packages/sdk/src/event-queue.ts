import { setTimeout as delay } from 'node:timers/promises';
import type { User } from '@sluice/engine';
import { backoff, type Logger, SluiceError } from '@sluice/mesh';
import type { Exposure, SetRef } from '@sluice/proto';
import { v7 } from 'uuid';
import { Books, type DropReason, type SourceBooks } from './books.js';
import { type Batch, EventSender, type Send } from './event-sender.js';
import { EventSpool, type SpoolLimits } from './event-spool.js';
import { messageOf } from './failed-answer.js';
import { eventBytesMax, farewellMs, queueBytesMax, reportAfterMs, resendFirstMs, resendLongestMs } from './limits.js';
import {
  type EventDetails,
  eventOf,
  type PendingEvent,
  pendingEvent,
  pendingExposure,
  type SizedEvent,
} from './pending-event.js';
import { WaitingEvents } from './waiting-events.js';
import type { Attributes } from './wire-user.js';

export interface EventQueueOptions {
  /** Undefined: nobody takes events, they are dropped and counted. */
  readonly send: Send | undefined;
  readonly set: () => SetRef | undefined;
  readonly eventsMax: number;
  readonly lingerMs: number;
  /** Attributes that every user has. */
  readonly globalCustomFields?: Attributes | undefined;
  readonly logger: Logger;
  /** Where events wait while ingestion does not take them. Undefined: in memory only. */
  readonly spool?: SpoolLimits | undefined;
}

/**
 * Brings events to ingestion without ever making a caller wait: bounded memory, batches, a spool on
 * disk while ingestion is away, and the same ids again until ingestion has them or refuses them.
 * Every event is in exactly one place of the books.
 */
export class EventQueue {
  readonly #options: EventQueueOptions;
  readonly #books = new Books(v7());
  readonly #waiting = new WaitingEvents((pending) => this.#encode(pending));
  readonly #sender: EventSender | undefined;
  readonly #spool: EventSpool | undefined;
  readonly #stopped = new AbortController();
  /** Cuts lingering short. */
  #hurry = new AbortController();
  #flushing = 0;
  #sending: Promise<void> | undefined;
  #isClosed = false;
  #reportTimer: NodeJS.Timeout | undefined;
  readonly #warned = new Set<DropReason>();

  constructor(options: EventQueueOptions) {
    this.#options = options;
    const { send, logger, spool } = options;
    if (!send) return;
    const sender = new EventSender(send, logger, this.#stopped.signal);
    this.#sender = sender;
    this.#spool = spool && new EventSpool({ ...spool, books: this.#books, sender, logger });
  }

  /** Where every event is; always balanced. */
  get books(): SourceBooks {
    return this.#books.snapshot();
  }

  /** An exposure that was sent a moment ago already. */
  noteDeduplicated(): void {
    this.#books.deduplicated++;
  }

  /** @returns whether the same exposure need not be offered again soon: it was taken, or nobody is there to take any. */
  offerExposure(exposure: Exposure, user: User): boolean {
    return this.#offer(() => pendingExposure(exposure, user)) || !this.#options.send;
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
      while (this.#isBusy) {
        this.#hurry.abort();
        const done = this.#sending ?? this.#spool?.whenEmpty();
        if ((await Promise.race([done, late])) === 'late') return !this.#isBusy;
      }
      return true;
    } finally {
      this.#flushing--;
      timeout.abort();
    }
  }

  /** Sends what waits, for so long; what is left then goes to the spool, or is dropped and counted. */
  async close(timeoutMs: number): Promise<void> {
    if (this.#isClosed) return;
    await this.flush(timeoutMs);
    this.#isClosed = true;
    clearTimeout(this.#reportTimer);
    this.#hurry.abort();
    await this.#sayFarewell(Math.min(timeoutMs, farewellMs));
    this.#stopped.abort();
    await this.#sending;
    await this.#spoolRest();
    const { inFlight } = this.#books;
    if (inFlight > 0) this.#options.logger.warn({ events: inFlight }, 'events dropped at close');
    this.#books.drop('closed', inFlight);
    await this.#spool?.close();
  }

  get #isBusy(): boolean {
    return this.#sending !== undefined || this.#spool?.isHolding === true;
  }

  /** @returns whether the event was taken. */
  #offer(make: () => PendingEvent): boolean {
    const refusal = this.#refusal();
    if (refusal !== undefined) {
      this.#refuse(...refusal);
      return false;
    }
    const pending = this.#make(make);
    if (!pending) return false;
    this.#books.take();
    this.#waiting.push(pending);
    if (this.#waiting.isBatchFull) this.#hurry.abort();
    this.#startSending();
    return true;
  }

  /** Why no event can be taken now, if so. */
  #refusal(): [DropReason, string] | undefined {
    const { send, eventsMax } = this.#options;
    if (!send) return ['noTarget', 'no ingestionTarget is set: events are dropped; give one to send them'];
    if (this.#isClosed) return ['closed', 'events are logged after close; they are dropped'];
    const isFull = this.#books.inFlight >= eventsMax || this.#waiting.bytes > queueBytesMax;
    return isFull ? ['queueFull', 'the queue of events is full; more are dropped and counted'] : undefined;
  }

  #make(make: () => PendingEvent): PendingEvent | undefined {
    try {
      const pending = make();
      if (pending.bytes <= 4 * eventBytesMax) return pending;
      this.#refuse('unfit', 'an event is too large; it is dropped');
    } catch (error) {
      this.#refuse('unfit', `an event can not be sent: ${messageOf(error)}`);
    }
    return undefined;
  }

  #refuse(reason: DropReason, message: string): void {
    this.#books.refuse(reason);
    this.#warn(reason, message);
  }

  /** Each reason is told once; the books say the rest. */
  #warn(reason: DropReason, message: string): void {
    if (this.#warned.has(reason)) return;
    this.#warned.add(reason);
    this.#options.logger.warn(message);
  }

  #encode(pending: PendingEvent): SizedEvent | undefined {
    try {
      const sized = eventOf(pending, this.#options.globalCustomFields);
      if (sized.bytes <= eventBytesMax) return sized;
      this.#warn('unfit', `an event of ${sized.bytes} bytes is too large; at most ${eventBytesMax} can be sent`);
    } catch (error) {
      this.#warn('unfit', `an event can not be sent: ${messageOf(error)}`);
    }
    this.#books.drop('unfit', 1);
    return undefined;
  }

  #startSending(): void {
    this.#sending ??= this.#send().then(() => {
      this.#sending = undefined;
      // What came between the last look and now would wait for the next event.
      if (!this.#waiting.isEmpty && !this.#isClosed) this.#startSending();
      else this.#reportSoon();
    });
  }

  async #send(): Promise<void> {
    await this.#linger();
    while (!this.#waiting.isEmpty && !this.#stopped.signal.aborted) {
      const batch = this.#takeBatch();
      if (batch) await this.#deliver(batch);
      // A batch that is not full may have company soon.
      if (!this.#waiting.isEmpty && !this.#waiting.isBatchFull) await this.#linger();
    }
  }

  async #linger(): Promise<void> {
    if (this.#flushing === 0) await rest(this.#options.lingerMs, this.#hurry.signal);
    this.#hurry = new AbortController();
  }

  #takeBatch(): Batch | undefined {
    const events = this.#waiting.takeBatch();
    if (events.length === 0) return undefined;
    return { set: this.#options.set(), events, sequence: this.#books.number(events.length) };
  }

  /** Tries until ingestion has answered for the batch, the spool has it, or time is up. What comes behind spooled batches is spooled, too. */
  async #deliver(batch: Batch): Promise<void> {
    if (this.#spool?.isHolding && (await this.#spool.keep(batch))) return;
    for (let attempt = 0; !this.#stopped.signal.aborted; attempt++) {
      try {
        await this.#sender?.deliver(batch, this.#books, 'inFlight');
        return;
      } catch (error) {
        if (await this.#spool?.keep(batch)) return;
        if (this.#stopped.signal.aborted) break;
        await rest(waitMsAfter(error, attempt), this.#stopped.signal);
      }
    }
  }

  /** What the close found in memory. */
  async #spoolRest(): Promise<void> {
    while (this.#spool && !this.#waiting.isEmpty) {
      const batch = this.#takeBatch();
      if (batch && !(await this.#spool.keep(batch))) return;
    }
  }

  /** The last batch left before its outcome was known: ingestion's view of this source stays open unless it is told. */
  #reportSoon(): void {
    if (this.#isClosed || this.#reportTimer) return;
    this.#reportTimer = setTimeout(() => {
      this.#reportTimer = undefined;
      if (!this.#isBusy) void this.#sender?.tell(this.#options.set(), this.#books, false);
    }, reportAfterMs).unref();
  }

  async #sayFarewell(timeoutMs: number): Promise<void> {
    const { generated, deduplicated } = this.#books;
    if (!this.#sender || generated + deduplicated === 0 || this.#isBusy || this.#sender.isFailing) return;
    const told = this.#sender.tell(this.#options.set(), this.#books, true);
    await Promise.race([told, rest(timeoutMs, this.#stopped.signal)]);
  }
}

function waitMsAfter(error: unknown, attempt: number): number {
  const asked = error instanceof SluiceError ? (error.retryAfterMs ?? 0) : 0;
  return Math.max(backoff(attempt, resendFirstMs, resendLongestMs), Math.min(asked, resendLongestMs));
}

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal, ref: false }).catch(() => undefined);
}
