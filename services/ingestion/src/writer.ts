/**
 * From the log to the store. A batch of messages is one transaction: insert, commit, then
 * acknowledge; a crash in between repeats the batch, and the key of the table makes that harmless.
 * PostgreSQL away: the batch is tried again until it is back, and the log keeps what follows.
 * Data that PostgreSQL refuses: halved until the one event is found, which is buried.
 */
import type { Bus, WorkMessage } from '@sluice/bus';
import { backoff, type Logger, type Release, withSpan } from '@sluice/mesh';
import type { Database } from '@sluice/postgres';
import { EventBatch } from '@sluice/proto';
import type { Counters } from './counters.js';
import { isDataFault, textOfError } from './data-fault.js';
import { dayless, dayOf, type EventRow, rowsOf } from './rows.js';
import { eventShards } from './shards.js';
import { buryEvent, buryMessage, ensureDay, writeRows } from './store.js';

export interface WriterOptions {
  readonly bus: Bus;
  readonly database: Database;
  readonly logger: Logger;
  readonly counters: Counters;
}

const durable = 'writer';
/** Messages of one transaction, of which each shard has one: with 512 KiB each at most, this bounds memory. */
const messagesMax = 16;
/** How long a message waits for others to share its transaction, in milliseconds. */
const lingerMs = 20;
/** What a writer had in hand when it died comes again after this; a batch takes a fraction of it. */
const ackWaitMs = 10_000;
const firstPauseMs = 100;
const longestPauseMs = 5_000;
/** Days that get a partition of their own, counted back from today; others share the default partition. */
const daysBack = 400;
const dayMs = 86_400_000;
const linksMax = 32;

/** Starts writing. Releasing waits for the batch in hand, unless PostgreSQL keeps it waiting. */
export function startWriter(options: WriterOptions): Release {
  const writer = new Writer(options);
  const releases = eventShards.map(({ stream }) =>
    options.bus.work({ stream, durable, batchMax: messagesMax, lingerMs, ackWaitMs }, (messages) =>
      writer.write(messages),
    ),
  );
  return async () => {
    writer.stop();
    await Promise.all(releases.map((release) => release()));
  };
}

/** A message with what it says; `rows` is undefined when that can't be read. */
interface Read {
  readonly message: WorkMessage;
  readonly rows: readonly EventRow[] | undefined;
  readonly problem: string;
}

export class Writer {
  readonly #options: WriterOptions;
  readonly #days = new Set<string>([dayless]);
  readonly #stopped = new AbortController();

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  stop(): void {
    this.#stopped.abort();
  }

  /** Writes a batch and acknowledges it; when stopped before that, gives it back to the log. */
  async write(messages: readonly WorkMessage[]): Promise<void> {
    const traceparents = new Set(messages.flatMap(({ traceparent }) => traceparent ?? []));
    const [parent, ...links] = traceparents;
    const attributes = { 'messaging.batch.message_count': messages.length };
    const span = { kind: 'consumer', parent, links: links.slice(0, linksMax), attributes } as const;
    await withSpan('write events', span, () => this.#persist(messages));
  }

  async #persist(messages: readonly WorkMessage[]): Promise<void> {
    const read = messages.map(readMessage);
    const { logger } = this.#options;
    for (let attempt = 0; !this.#stopped.signal.aborted; attempt++) {
      try {
        await this.#store(read);
        if (attempt > 0) logger.info({ attempts: attempt + 1 }, 'the store takes events again');
        await settle(read);
        return;
      } catch (error) {
        if (attempt === 0)
          logger.warn({ reason: textOfError(error) }, 'the store does not take events; they wait in the log');
        await pause(backoff(attempt, firstPauseMs, longestPauseMs), this.#stopped.signal);
      }
    }
    for (const message of messages) message.retryLater(0);
  }

  async #store(read: readonly Read[]): Promise<void> {
    const { database, logger, counters } = this.#options;
    for (const { message, rows, problem } of read) {
      if (rows) continue;
      await buryMessage(database, message, message.data, problem);
      counters.add('messages_buried', 1);
      logger.error({ sequence: message.sequence, reason: problem }, 'a message of the log was buried');
    }
    const rows = read.flatMap(({ rows }) => rows ?? []);
    await this.#ensureDays(rows);
    await this.#insert(rows);
  }

  /** Rows that PostgreSQL refuses are looked for by halves: one bad event costs a few transactions, never the line. */
  async #insert(rows: readonly EventRow[]): Promise<void> {
    const { database, logger, counters } = this.#options;
    if (rows.length === 0) return;
    try {
      const written = await writeRows(database, rows);
      counters.add('events_written', written.events);
      counters.add('events_deduplicated', rows.length - written.events);
      counters.add('exposures_written', written.exposures);
    } catch (error) {
      const [only] = rows;
      if (!isDataFault(error) || !only) throw error;
      if (rows.length > 1) {
        const half = rows.length >> 1;
        await this.#insert(rows.slice(0, half));
        await this.#insert(rows.slice(half));
        return;
      }
      await buryEvent(database, only, textOfError(error));
      counters.add('events_buried', 1);
      logger.error({ sequence: only.source.sequence, reason: textOfError(error) }, 'an event was buried');
    }
  }

  /** Makes the partitions of the batch's days, and today's and tomorrow's, once each. */
  async #ensureDays(rows: readonly EventRow[]): Promise<void> {
    const now = Date.now();
    const earliest = dayOf(now - daysBack * dayMs);
    const tomorrow = dayOf(now + dayMs);
    const wanted = new Set([dayOf(now), tomorrow, ...rows.map(({ idDay }) => idDay)]);
    for (const day of wanted) {
      if (this.#days.has(day) || day < earliest || day > tomorrow) continue;
      await ensureDay(this.#options.database, day);
      this.#days.add(day);
    }
  }
}

/** An acknowledgement that gets lost brings the message again, and the table's key removes it. */
async function settle(read: readonly Read[]): Promise<void> {
  for (const { message, rows, problem } of read) if (!rows) message.reject(problem);
  await Promise.allSettled(read.flatMap(({ message, rows }) => (rows ? [message.ack()] : [])));
}

function readMessage(message: WorkMessage): Read {
  try {
    return { message, rows: rowsOf(EventBatch.decode(message.data), message), problem: '' };
  } catch (error) {
    return { message, rows: undefined, problem: textOfError(error) };
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const settle = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', settle);
      resolve();
    };
    const timer = setTimeout(settle, ms);
    signal.addEventListener('abort', settle, { once: true });
    if (signal.aborted) settle();
  });
}
