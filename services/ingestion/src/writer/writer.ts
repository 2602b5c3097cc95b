/**
 * From the log to the store. A batch of messages is one transaction: write, commit, then
 * acknowledge; a crash in between repeats the batch, and the store knows which messages it has.
 * PostgreSQL away: the batch is tried again for a while and then given back to the log, which keeps
 * it and what follows, however long that takes.
 */
import type { Bus, WorkMessage } from '@sluice/bus';
import { backoff, type Logger, type Release, withSpan } from '@sluice/mesh';
import type { Database } from '@sluice/postgres';
import type { Counters } from '../counters.js';
import type { Origin } from '../log/origins.js';
import { eventShards } from '../log/shards.js';
import { pause } from '../pause.js';
import { textOfError } from './data-fault.js';
import { dayless, dayOf } from './rows.js';
import { ensureDay } from './store.js';
import { type Taken, take } from './taken.js';
import { writeBatch } from './write-batch.js';

export interface WriterOptions {
  readonly bus: Bus;
  readonly database: Database;
  readonly logger: Logger;
  readonly counters: Counters;
  /** Days that get a partition of their own, counted back from today; others share the default partition. */
  readonly retentionDays: number;
  /** The logs that are written. */
  readonly origins: readonly Origin[];
}

/** Its name says the region: an acknowledgement of one region's message would be one of the other's as well. */
const durableOf = (region: string | undefined): string => (region === undefined ? 'writer' : `writer-${region}`);
/** Messages of one transaction, of which each shard has one: with 512 KiB each at most, this bounds memory. */
const messagesMax = 16;
/** How long a message waits for others to share its transaction, in milliseconds. */
const lingerMs = 20;
/** What a writer had in hand when it died comes again after this; a batch takes a fraction of it. */
const ackWaitMs = 10_000;
/** A batch that could not be written for so long goes back to the log, in milliseconds: before the log gives it to others. */
const patienceMs = 6_000;
const limits = { batchMax: messagesMax, lingerMs, ackWaitMs };
const firstPauseMs = 100;
const longestPauseMs = 2_000;
/** How long what was given back stays away, in milliseconds. */
const giveBackMs = 1_000;
const dayMs = 86_400_000;
/** A day whose partition could not be made is left to the default one for so long, in milliseconds. */
const dayPauseMs = 60_000;
const linksMax = 32;

/** Starts writing. Releasing waits for the batch in hand, unless PostgreSQL keeps it waiting. */
export function startWriter(options: WriterOptions): Release {
  const writer = new Writer(options);
  const releases = options.origins.flatMap(({ region, domain }) =>
    eventShards.map(({ stream }) =>
      options.bus.work({ stream, domain, durable: durableOf(region), ...limits }, (messages) =>
        writer.write(messages, region === undefined ? stream : `${region}/${stream}`),
      ),
    ),
  );
  return async () => {
    writer.stop();
    await Promise.all(releases.map((release) => release()));
  };
}

export class Writer {
  readonly #options: WriterOptions;
  readonly #days = new Set<string>([dayless]);
  /** Days whose partition could not be made, and until when nobody tries again. */
  readonly #leftDays = new Map<string, number>();
  readonly #stopped = new AbortController();
  #isWaiting = false;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  stop(): void {
    this.#stopped.abort();
  }

  /** Writes a batch and acknowledges it; what can't be written in time, or is not written when stopped, goes back to the log. */
  async write(messages: readonly WorkMessage[], stream: string): Promise<void> {
    const traceparents = new Set(messages.flatMap(({ traceparent }) => traceparent ?? []));
    const [parent, ...links] = traceparents;
    const attributes = { 'messaging.batch.message_count': messages.length };
    const span = { kind: 'consumer', parent, links: links.slice(0, linksMax), attributes } as const;
    await withSpan('write events', span, () => this.#persist(messages, stream));
  }

  async #persist(messages: readonly WorkMessage[], stream: string): Promise<void> {
    const batch = messages.map((message) => take(message, stream));
    const { signal } = this.#stopped;
    const endMs = Date.now() + patienceMs;
    for (let attempt = 0; !signal.aborted && Date.now() < endMs; attempt++) {
      try {
        await this.#store(batch);
        this.#tell(false);
        await settle(messages, batch);
        return;
      } catch (error) {
        this.#tell(true, textOfError(error));
        await pause(backoff(attempt, firstPauseMs, longestPauseMs), signal);
      }
    }
    for (const message of messages) message.retryLater(signal.aborted ? 0 : giveBackMs);
  }

  async #store(batch: readonly Taken[]): Promise<void> {
    const { database, logger, counters } = this.#options;
    await this.#ensureDays(batch);
    const { stored, duplicate, exposures, buried } = await writeBatch(database, batch);
    counters.add('events_written', stored);
    counters.add('events_deduplicated', duplicate);
    counters.add('exposures_written', exposures);
    for (const { sequence, eventId, reason } of buried) {
      counters.add(eventId === undefined ? 'messages_buried' : 'events_buried', 1);
      const what = eventId === undefined ? 'a message of the log was buried' : 'an event was buried';
      logger.error({ sequence, eventId, reason }, what);
    }
  }

  /** Makes the partitions of the batch's days, once each. Rows of a day without one have the default partition: that stops no batch. */
  async #ensureDays(batch: readonly Taken[]): Promise<void> {
    const now = Date.now();
    const earliest = dayOf(now - this.#options.retentionDays * dayMs);
    const tomorrow = dayOf(now + dayMs);
    const wanted = new Set<string>();
    for (const { rows } of batch) for (const { idDay } of rows) wanted.add(idDay);
    for (const day of wanted) {
      if (this.#days.has(day) || day < earliest || day > tomorrow) continue;
      if ((this.#leftDays.get(day) ?? 0) > now) continue;
      try {
        await ensureDay(this.#options.database, day);
        this.#days.add(day);
        this.#leftDays.delete(day);
      } catch (error) {
        this.#leftDays.set(day, now + dayPauseMs);
        const reason = textOfError(error);
        this.#options.logger.warn({ day, reason }, 'a day of events gets its partition later');
      }
    }
  }

  /** Logs changes, not states: all shards wait for the same store. */
  #tell(isWaiting: boolean, reason = ''): void {
    if (isWaiting === this.#isWaiting) return;
    this.#isWaiting = isWaiting;
    if (isWaiting) this.#options.logger.warn({ reason }, 'the store does not take events; they wait in the log');
    else this.#options.logger.info('the store takes events again');
  }
}

/** An acknowledgement that gets lost brings the message again, and the store knows it. */
async function settle(messages: readonly WorkMessage[], batch: readonly Taken[]): Promise<void> {
  await Promise.allSettled(
    messages.map((message, at) => {
      const problem = batch[at]?.problem;
      return problem === undefined ? message.ack() : message.reject(problem);
    }),
  );
}
