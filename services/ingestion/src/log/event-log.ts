/** Appends accepted events to the log, or to the spool while the log does not answer: one message is an encoded `EventBatch`. */
import { createHash } from 'node:crypto';
import { type Clock, exhausted, isSampled, type Logger, SluiceError, unavailable, withSpan } from '@sluice/mesh';
import { Durability, EventBatch, type Receipt, type SetRef } from '@sluice/proto';
import type { Spool } from '@sluice/spool';
import { type ReceiptOf, receiptKey } from '../books/receipt.js';
import type { Counters } from '../counters.js';
import { type BatchItem, createBatcher } from './batcher.js';
import { eventShards, type LogMessage, type Shards, subjectOf } from './shards.js';

export interface EventLogOptions {
  readonly shards: Shards;
  readonly spool: Spool;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly counters: Pick<Counters, 'add'>;
  readonly instance: string;
  readonly region: string;
}

/** What became of a message. */
interface Appended {
  readonly isDuplicate: boolean;
  readonly durability: Durability;
}

/** What became of a request's events. */
export interface AppendResult {
  /** For each event whether the log had it before. */
  readonly wereHeld: readonly boolean[];
  /** Of the least durable one; unspecified for none. */
  readonly durability: Durability;
}

/** An accepted event: where it lies encoded, with the tag that it has in a batch. */
export interface LogEvent {
  readonly id: string;
  /** Empty for none. */
  readonly traceparent: string;
  readonly bytes: Uint8Array;
  readonly from: number;
  readonly to: number;
}

/** Accepted events of one request. */
export interface Append {
  readonly set: SetRef;
  readonly events: readonly LogEvent[];
  readonly receivedAtMs: number;
  /** What was added to the times of the events. */
  readonly skewMs: number;
  /** Of the call, when it is sampled. */
  readonly traceparent: string | undefined;
  /**
   * For the books: what to say of the events from one place in `events` up to another. Goes to the log even
   * when no event does.
   */
  readonly receiptOf?: ReceiptOf | undefined;
}

export interface EventLog {
  /**
   * Resolves once every event is on stable storage, of the log or of the spool.
   * @throws SluiceError `exhausted` when the log, or with the log away the spool, is full, or too
   * much is on its way. The same events may be sent again: their ids make it harmless.
   */
  append(append: Append): Promise<AppendResult>;
  /** Bytes on their way to the log. */
  pendingBytes(): number;
  drain(): Promise<void>;
}

/** A part of a request that goes into one message: its chunks are, end to end, an encoded `EventBatch`. */
interface Part extends BatchItem {
  readonly set: SetRef;
  readonly ids: readonly string[];
  readonly chunks: readonly Uint8Array[];
  readonly receivedAtMs: number;
  readonly traceparents: readonly string[];
}

/** Of events, in one message. NATS takes 1 MiB a message at most; half of it keeps redeliveries and memory small. */
const messageBytesMax = 512 * 1024;
const messageEventsMax = 5_000;
/** Under load a message carries what arrived in this time: a disk's fsync takes about as long. */
const waitMs = 3;
/** One for each shard: more would only wait there, each for an fsync of its own. */
const underwayMax = eventShards.length;
const waitLongestMs = 100;
const pendingBytesMax = 64 * 1024 * 1024;
/** Spans have room for so many links. */
const linksMax = 32;
const retryAfterMs = 1_000;
/** For so long after the log did not answer, messages go to the spool at once: callers need not find out one by one. */
const avoidLogMs = 1_000;

export function createEventLog(options: EventLogOptions): EventLog {
  const limits = {
    ...{ eventsMax: messageEventsMax, bytesMax: messageBytesMax, pendingBytesMax },
    ...{ waitMs, underwayMax, waitLongestMs },
  };
  const place = createPlace(options);
  const batcher = createBatcher<Part, Appended>(limits, (_, parts) => append(options, place, parts));
  return {
    append: async (append) => {
      const parts = partsOf(append);
      const key = batchKeyOf(append, options.region);
      const answers = parts.map((part) => batcher.add(key, part) ?? refuse());
      // All of them settle before the first failure is told: a retry must not overtake its original.
      const settled = await Promise.allSettled(answers);
      return settled.reduce<AppendResult>(
        (result, answer, at) => {
          if (answer.status === 'rejected') throw unavailableLog(answer.reason);
          const { isDuplicate, durability } = answer.value;
          const held = new Array<boolean>(parts[at]?.count ?? 0).fill(isDuplicate);
          // A receipt alone is no event that could be promised anything.
          const reached = held.length === 0 ? result.durability : weaker(result.durability, durability);
          return { wereHeld: [...result.wereHeld, ...held], durability: reached };
        },
        { wereHeld: [], durability: Durability.UNSPECIFIED },
      );
    },
    pendingBytes: batcher.pendingBytes,
    drain: batcher.drain,
  };
}

/** A message says once when its events came: those that waited under a key that could not be checked don't share one with new ones. */
export function batchKeyOf({ set, receivedAtMs }: Pick<Append, 'set' | 'receivedAtMs'>, region: string): string {
  return `${subjectOf(set, region)} ${Math.floor(receivedAtMs / 60_000)}`;
}

const weaker = (one: Durability, other: Durability): Durability => (one === Durability.SPOOLED ? one : other);

type Place = (message: LogMessage, count: number) => Promise<Appended>;

/** The log when it answers; otherwise the spool. A log that is full has answered: it refuses, and the spool is for other days. */
function createPlace({ shards, spool, clock }: EventLogOptions): Place {
  let avoidUntilMs = 0;
  return async (message, count) => {
    if (clock.now() >= avoidUntilMs) {
      try {
        return { isDuplicate: await shards.publish(message), durability: Durability.QUORUM };
      } catch (error) {
        if (error instanceof SluiceError && error.kind === 'exhausted') throw error;
        avoidUntilMs = clock.now() + avoidLogMs;
      }
    }
    const { subject, messageId, data } = message;
    await spool.add({ subject, messageId, count, data });
    return { isDuplicate: false, durability: Durability.SPOOLED };
  };
}

function refuse(): Promise<never> {
  const message = 'Too many events wait for the log; nothing of this request was lost: send it again later.';
  return Promise.reject(exhausted(message, retryAfterMs));
}

/** @returns the failure as the caller shall see it: with the advice to try again. */
function unavailableLog(cause: unknown): SluiceError {
  if (cause instanceof SluiceError && cause.kind === 'exhausted') return cause;
  const message = 'The event log does not answer in time; send the same events again, their ids keep them single.';
  return new SluiceError('unavailable', message, { retryAfterMs, cause });
}

/** Cuts a request where a message would grow too large. */
export function partsOf(append: Append): Part[] {
  const parts: Part[] = [];
  let from = 0;
  let bytes = 0;
  for (const [at, event] of append.events.entries()) {
    const length = event.to - event.from;
    if (at > from && bytes + length > messageBytesMax) {
      parts.push(partOf(append, from, at));
      from = at;
      bytes = 0;
    }
    bytes += length;
  }
  if (from < append.events.length) parts.push(partOf(append, from, append.events.length));
  if (parts.length > 0) return parts;
  const receipt = append.receiptOf?.(0, 0);
  return receipt ? [receiptAlone(append, receipt)] : [];
}

/** Each part has the receipt of its own events: those of a part that fails must not be said to have come. */
function partOf(append: Append, from: number, to: number): Part {
  const { set, receivedAtMs, skewMs } = append;
  const events = append.events.slice(from, to);
  // Encoded messages that are put end to end are the merged message: each event is encoded once, whatever it travels with.
  const skews = EventBatch.encode({ ...nothing, skewsMs: events.map(() => skewMs) }).finish();
  const receipt = append.receiptOf?.(from, to);
  const chunks = [...runsOf(events), skews, ...(receipt ? [encodeReceipt(receipt)] : [])];
  return {
    ...{ set, receivedAtMs, chunks, count: events.length },
    ids: events.map(({ id }) => id),
    traceparents: traceparentsOf(append, events),
    bytes: bytesOf(chunks),
  };
}

const bytesOf = (chunks: readonly Uint8Array[]): number => chunks.reduce((sum, { length }) => sum + length, 0);

/** Events that lie one behind the other are one chunk. */
function runsOf(events: readonly LogEvent[]): Uint8Array[] {
  const runs: Uint8Array[] = [];
  let run: { bytes: Uint8Array; from: number; to: number } | undefined;
  for (const { bytes, from, to } of events) {
    if (run?.bytes === bytes && run.to === from) run.to = to;
    else {
      if (run) runs.push(run.bytes.subarray(run.from, run.to));
      run = { bytes, from, to };
    }
  }
  if (run) runs.push(run.bytes.subarray(run.from, run.to));
  return runs;
}

/** What was refused or known already is in the books, too. */
function receiptAlone({ set, receivedAtMs }: Append, receipt: Receipt): Part {
  const chunk = encodeReceipt(receipt);
  const alone = { set, receivedAtMs, traceparents: [], count: 0, bytes: chunk.length };
  return { ...alone, ids: [receiptKey(receipt)], chunks: [chunk] };
}

const encodeReceipt = (receipt: Receipt): Uint8Array => EventBatch.encode({ ...nothing, receipts: [receipt] }).finish();

const nothing: EventBatch = EventBatch.create();

/** The call's own trace first; without one, those of the requests that made the events. */
function traceparentsOf({ traceparent }: Append, events: readonly LogEvent[]): string[] {
  const found = new Set<string>(traceparent === undefined ? [] : [traceparent]);
  for (const event of events) {
    if (found.size > linksMax) break;
    if (event.traceparent !== '' && isSampled(event.traceparent)) found.add(event.traceparent);
  }
  return [...found];
}

async function append(options: EventLogOptions, place: Place, parts: readonly Part[]): Promise<Appended> {
  const first = parts[0];
  if (!first) throw unavailable('A message without events was to be published.');
  const { instance, region, logger, counters } = options;
  const { set, receivedAtMs } = first;
  const subject = subjectOf(set, region);
  const head = EventBatch.encode({ ...nothing, set, receivedAtMs, instance, region }).finish();
  const data = Buffer.concat([head, ...parts.flatMap(({ chunks }) => chunks)]);
  const messageId = messageIdOf(
    subject,
    parts.flatMap(({ ids }) => ids),
  );
  const [parent, ...links] = new Set(parts.flatMap(({ traceparents }) => traceparents));
  const count = parts.reduce((sum, part) => sum + part.count, 0);
  const attributes = { 'messaging.batch.message_count': count };
  const span = { kind: 'internal', parent, links: links.slice(0, linksMax), attributes } as const;
  // Without a trace of its own, a message must not join that of whichever request happened to send it off.
  const trace = parent === undefined ? { traceparent: undefined } : {};
  return withSpan('append events', span, async () => {
    try {
      const appended = await place({ subject, data, messageId, ...trace }, count);
      // What the log had before was counted then, or its answer was lost: more may come out of it than is counted here.
      if (!appended.isDuplicate) counters.add('events_appended', count);
      return appended;
    } catch (error) {
      logger.warn({ subject, events: count, reason: String(error) }, 'neither log nor spool took a message');
      throw error;
    }
  });
}

/** The same events make the same id, so that the log itself drops an identical retry. */
export function messageIdOf(subject: string, ids: readonly string[]): string {
  return createHash('sha256').update(subject).update(ids.join('')).digest('base64url');
}
