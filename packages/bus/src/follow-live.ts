import { jitter } from '@sluice/mesh';
import type { Consumer } from 'nats';
import type { BusMessage, FollowOptions } from './bus.js';
import { type Connection, pause } from './connection.js';
import { busMessage, endWith, starts } from './follow.js';
import { publishedAtMsOf, traceparentOf } from './headers.js';

/** Messages kept while the log is read; whoever is that far behind reads it again. */
const gatheredMax = 10_000;
/** How often the log is asked whether it has more than was heard, in milliseconds. */
const lookEveryMs = 5_000;

/**
 * Reads the log, then listens on its subjects: a message comes straight from its publisher, without a consumer
 * that is delivered to. Listening starts first, so that nothing falls in between. Ends when the connection is
 * lost, or when the log has grown by more than was heard: then it is read again.
 *
 * @returns whether any message came.
 */
export async function readLive(
  connection: Connection,
  options: FollowOptions,
  onMessage: (message: BusMessage) => void | Promise<void>,
  onReset: () => void,
  stop: AbortSignal,
): Promise<boolean> {
  const live = new Live(connection, options, onMessage, stop);
  try {
    onReset();
    const length = await connection.lengthOf(options.stream);
    const consumer = await connection.jetstream().consumers.get(options.stream, {
      filterSubjects: options.subjects,
      ...starts[options.deliver],
    });
    const seen = await readUp(consumer, connection, onMessage, live.ended);
    await live.flush();
    await watch(connection, options, live, length);
    return seen || live.heard > 0;
  } finally {
    live.close();
  }
}

/** Reads what the log has, and lets go of the consumer. */
async function readUp(
  consumer: Consumer,
  connection: Connection,
  onMessage: (message: BusMessage) => void | Promise<void>,
  ended: AbortSignal,
): Promise<boolean> {
  const { num_pending: pending } = await consumer.info();
  if (pending > 0) {
    const messages = await consumer.consume({ max_messages: 1_000, idle_heartbeat: 1_000, expires: 3_000 });
    const release = endWith(messages, connection, ended);
    try {
      for await (const message of messages) {
        await onMessage(busMessage(message));
        if (message.info.pending === 0) break;
      }
    } finally {
      release();
      messages.stop();
    }
  }
  // The server forgets it by itself, should this get lost.
  void consumer.delete().catch(() => false);
  return pending > 0;
}

/** Until the end; the log's own length shows what was not heard, such as what a cut link between servers kept back. */
async function watch(connection: Connection, { stream }: FollowOptions, live: Live, atStart: number): Promise<void> {
  let [length, heard, heardBefore] = [atStart, 0, 0];
  while (!live.ended.aborted) {
    await pause(jitter(lookEveryMs), live.ended);
    if (live.ended.aborted) return;
    const lengthNow = await connection.lengthOf(stream);
    if (lengthNow - length > live.heard - heard) return;
    // In a quiet moment nothing is on its way: what was heard beyond the log came twice, and is forgotten.
    if (live.heard === heardBefore) [length, heard] = [lengthNow, live.heard];
    heardBefore = live.heard;
  }
}

/** The plain subscription. Until it is flushed it only gathers. */
class Live {
  readonly #ending = new AbortController();
  readonly #onMessage: (message: BusMessage) => void | Promise<void>;
  readonly #release: () => void;
  #gathered: BusMessage[] | undefined = [];
  heard = 0;

  constructor(
    connection: Connection,
    { subjects }: FollowOptions,
    onMessage: (message: BusMessage) => void | Promise<void>,
    stop: AbortSignal,
  ) {
    this.#onMessage = onMessage;
    const subscription = connection.nats().subscribe(subjects, {
      callback: (error, message) => {
        if (error) return this.#ending.abort();
        const { subject, data, headers } = message;
        const [traceparent, publishedAtMs] = [traceparentOf(headers), publishedAtMsOf(headers)];
        this.#take({ subject, data, sequence: 0, traceparent, publishedAtMs });
      },
    });
    const end = { stop: () => this.#ending.abort() };
    const forget = endWith(end, connection, stop);
    this.#release = () => {
      forget();
      subscription.unsubscribe();
    };
  }

  get ended(): AbortSignal {
    return this.#ending.signal;
  }

  /** Hands on what was gathered; from now on everything goes straight on. */
  async flush(): Promise<void> {
    for (let message = this.#gathered?.shift(); message; message = this.#gathered?.shift()) {
      await this.#onMessage(message);
    }
    this.#gathered = undefined;
  }

  close(): void {
    this.#ending.abort();
    this.#release();
  }

  #take(message: BusMessage): void {
    this.heard++;
    if (this.#gathered === undefined) {
      const handled = this.#onMessage(message);
      if (handled) handled.catch(() => this.#ending.abort());
      return;
    }
    this.#gathered.push(message);
    if (this.#gathered.length > gatheredMax) this.#ending.abort();
  }
}
