import { type Logger, SluiceError } from '@sluice/mesh';
import type { Event, EventOutcome, LogEventsRequest, LogEventsResponse, SetRef } from '@sluice/proto';
import type { Books, Place } from './books.js';
import { messageOf } from './failed-answer.js';
import { batchTimeoutMs } from './limits.js';

/** Events that travel together; the same ones in each attempt, with the same ids and numbers. */
export interface Batch {
  readonly set: SetRef | undefined;
  readonly events: readonly Event[];
  /** Number of the first event in its source. */
  readonly sequence: number;
}

export type Send = (request: LogEventsRequest, signal: AbortSignal) => Promise<LogEventsResponse>;

/** Trying again would be refused again. */
const finalKinds: readonly string[] = ['invalid', 'forbidden', 'not_found', 'precondition', 'unimplemented'];

/** Sends batches, and books what becomes of them. */
export class EventSender {
  readonly #send: Send;
  readonly #logger: Logger;
  readonly #stopped: AbortSignal;
  /** Whether the last attempt found nobody. */
  isFailing = false;
  #hasRejected = false;

  constructor(send: Send, logger: Logger, stopped: AbortSignal) {
    this.#send = send;
    this.#logger = logger;
    this.#stopped = stopped;
  }

  /**
   * Sends a batch once and books its events, out of the place where they wait.
   * @throws what passes with time: then nothing was booked, and the same batch may be sent again.
   */
  async deliver(batch: Batch, books: Books, from: Place): Promise<void> {
    const count = batch.events.length;
    const report = books.report();
    try {
      const { outcomes } = await this.#call({ ...batch, events: [...batch.events] }, books.sourceId, report);
      if (this.isFailing) this.#logger.info('events can be sent again');
      this.isFailing = false;
      books.settle(outcomes, count, from);
      this.#tellRejected(outcomes);
    } catch (error) {
      const reason = messageOf(error);
      if (error instanceof SluiceError && finalKinds.includes(error.kind)) {
        this.#logger.error({ reason, events: count }, 'ingestion refuses events; dropped');
        books.drop('refused', count, from);
        return;
      }
      if (!this.isFailing) this.#logger.warn({ reason }, 'events can not be sent; they wait');
      this.isFailing = true;
      throw error;
    }
  }

  /** Tells ingestion how a source stands, without any events. Nothing depends on its arrival. */
  async tell(set: SetRef | undefined, books: Books, isClosed: boolean): Promise<void> {
    const report = books.report(isClosed);
    const sequence = books.sequenced + 1;
    await this.#call({ set, events: [], sequence }, books.sourceId, report).catch((error: unknown) =>
      this.#logger.debug({ reason: messageOf(error) }, 'the books of this source were not taken'),
    );
  }

  #call(
    batch: Pick<LogEventsRequest, 'set' | 'events' | 'sequence'>,
    sourceId: string,
    report: LogEventsRequest['report'],
  ): Promise<LogEventsResponse> {
    const signal = AbortSignal.any([this.#stopped, AbortSignal.timeout(batchTimeoutMs)]);
    return this.#send({ ...batch, sentAtMs: Date.now(), sourceId, report }, signal);
  }

  #tellRejected(outcomes: readonly EventOutcome[]): void {
    const rejected = this.#hasRejected ? undefined : outcomes.find(({ reason }) => reason !== '');
    if (!rejected) return;
    this.#hasRejected = true;
    this.#logger.warn({ reason: rejected.reason }, 'an event was rejected; more are only counted');
  }
}
