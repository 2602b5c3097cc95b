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

/** A batch that is being delivered, maybe in parts. */
interface Sending {
  readonly books: Books;
  requestsLeft: number;
}

/** Of events in some order: what became of those that ingestion answered for, and how many it refused. */
interface Answers {
  readonly outcomes: readonly (EventOutcome | undefined)[];
  readonly refused: number;
}

/** Of one batch, before it is halved no more: finds two bad events among 500. What is still bad then is dropped with its neighbours. */
const requestsMax = 40;

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
    const sending = { books, requestsLeft: requestsMax };
    try {
      const { outcomes, refused } = await this.#ask(sending, batch);
      if (this.isFailing) this.#logger.info('events can be sent again');
      this.isFailing = false;
      books.settle(outcomes, outcomes.length, from);
      // Not as rejected: ingestion booked nothing of them, and their numbers never come.
      books.drop('refused', refused, from);
      this.#tellRejected(outcomes);
    } catch (error) {
      if (!this.isFailing) this.#logger.warn({ reason: messageOf(error) }, 'events can not be sent; they wait');
      this.isFailing = true;
      throw error;
    }
  }

  /** A batch that is refused for one of its events is halved until that one is alone: it must not cost its neighbours. */
  async #ask(sending: Sending, { set, events, sequence }: Batch): Promise<Answers> {
    const { books } = sending;
    sending.requestsLeft--;
    try {
      const { outcomes } = await this.#call({ set, events: [...events], sequence }, books.sourceId, books.report());
      return { outcomes: events.map((_, at) => outcomes[at]), refused: 0 };
    } catch (error) {
      if (!(error instanceof SluiceError) || !finalKinds.includes(error.kind)) throw error;
      if (events.length < 2 || sending.requestsLeft < 2 || !isAboutEvents(error)) {
        this.#logger.error({ reason: messageOf(error), events: events.length }, 'ingestion refuses events; dropped');
        return { outcomes: [], refused: events.length };
      }
    }
    const half = events.length >> 1;
    const left = await this.#ask(sending, { set, events: events.slice(0, half), sequence });
    const right = await this.#ask(sending, { set, events: events.slice(half), sequence: sequence + half });
    return { outcomes: [...left.outcomes, ...right.outcomes], refused: left.refused + right.refused };
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

  #tellRejected(outcomes: Answers['outcomes']): void {
    const rejected = this.#hasRejected ? undefined : outcomes.find((outcome) => outcome && outcome.reason !== '');
    if (!rejected) return;
    this.#hasRejected = true;
    this.#logger.warn({ reason: rejected.reason }, 'an event was rejected; more are only counted');
  }
}

/** Of the whole, such as the set or the key, each part would be refused alike. */
function isAboutEvents({ kind, field = 'events' }: SluiceError): boolean {
  return kind === 'invalid' && /^events\b/.test(field);
}
