import { backoff, type Logger, type Release } from '@sluice/mesh';
import { DeliverPolicy, type JsMsg } from 'nats';
import type { BusMessage, FollowOptions } from './bus.js';
import { type Connection, pause, report } from './connection.js';
import { readLive } from './follow-live.js';
import { traceparentOf } from './headers.js';

/** "All" is "from the first on": an ordered consumer always names the sequence that it starts at. */
export const starts = {
  last_per_subject: { deliver_policy: DeliverPolicy.LastPerSubject },
  new: { deliver_policy: DeliverPolicy.New },
  all: { deliver_policy: DeliverPolicy.StartSequence, opt_start_seq: 1 },
} as const;

/**
 * Reads a stream in order, from the point that `deliver` says, for as long as the process
 * lives. Each time that the reading starts over, after a lost connection or a lost consumer,
 * `onReset` is called and messages come from that point again: the reader recognises what it
 * has by revision, so that coming twice does no harm and a gap can't hide.
 */
export function follow(
  connection: Connection,
  logger: Logger,
  options: FollowOptions,
  onMessage: (message: BusMessage) => void | Promise<void>,
  onReset: () => void,
): Release {
  const stop = new AbortController();
  const read = options.isLive ? readLive : readLog;
  const run = async (): Promise<void> => {
    for (let attempt = 0; !stop.signal.aborted && !connection.closed.aborted; attempt++) {
      try {
        const seen = await read(connection, options, onMessage, onReset, stop.signal);
        if (seen) attempt = 0;
      } catch (error) {
        report(logger, attempt, { stream: options.stream, reason: String(error) }, 'following starts over');
      }
      await pause(backoff(attempt, 50, 1_000), stop.signal);
    }
  };
  void run();
  return () => stop.abort();
}

/** @returns whether any message came. */
async function readLog(
  connection: Connection,
  options: FollowOptions,
  onMessage: (message: BusMessage) => void | Promise<void>,
  onReset: () => void,
  stop: AbortSignal,
): Promise<boolean> {
  const consumer = await connection.jetstream().consumers.get(options.stream, {
    filterSubjects: options.subjects,
    ...starts[options.deliver],
  });
  const messages = await consumer.consume({ max_messages: 1_000, idle_heartbeat: 1_000, expires: 3_000 });
  const release = endWith(messages, connection, stop);
  let seen = false;
  try {
    onReset();
    for await (const message of messages) {
      seen = true;
      await onMessage(busMessage(message));
    }
  } finally {
    release();
  }
  return seen;
}

/**
 * Ends the reading when it is no longer wanted, and on every reconnection: a server that went
 * away keeps a consumer waiting without a word.
 */
export function endWith(messages: { stop(): void }, connection: Connection, stop: AbortSignal): () => void {
  const end = (): void => messages.stop();
  let isFirst = true;
  const forget = connection.onConnected(() => {
    if (!isFirst) end();
    isFirst = false;
  });
  stop.addEventListener('abort', end, { once: true });
  return () => {
    stop.removeEventListener('abort', end);
    void forget();
  };
}

export function busMessage(message: JsMsg): BusMessage {
  return {
    subject: message.subject,
    data: message.data,
    sequence: message.seq,
    traceparent: traceparentOf(message.headers),
    publishedAtMs: message.info.timestampNanos / 1e6,
  };
}
