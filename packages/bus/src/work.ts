import { backoff, type Logger, type Release } from '@sluice/mesh';
import { AckPolicy, type ConsumerMessages, DeliverPolicy, type JetStreamManager, type JsMsg, nanos } from 'nats';
import type { WorkMessage, WorkOptions } from './bus.js';
import { type Connection, pause, report } from './connection.js';
import { busMessage, endWith } from './follow.js';
import { Leftovers } from './leftovers.js';
import { isNotFound } from './streams.js';

/**
 * Works a stream off in batches, one batch at a time. What a batch does not settle comes
 * again; a batch that throws is given back whole, after a delay. Beside the batches, one by one,
 * come messages that the server holds without delivering them.
 */
export function work(
  connection: Connection,
  logger: Logger,
  options: WorkOptions,
  onBatch: (messages: WorkMessage[]) => Promise<void>,
): Release {
  const stop = new AbortController();
  const run = async (): Promise<void> => {
    for (let attempt = 0; !stop.signal.aborted && !connection.closed.aborted; attempt++) {
      try {
        await workOnce({ connection, logger, options, onBatch, stop: stop.signal });
      } catch (error) {
        report(logger, attempt, { stream: options.stream, reason: String(error) }, 'working starts over');
      }
      await pause(backoff(attempt, 50, 1_000), stop.signal);
    }
  };
  const finished = run();
  return async () => {
    stop.abort();
    await finished;
  };
}

interface Work {
  readonly connection: Connection;
  readonly logger: Logger;
  readonly options: WorkOptions;
  readonly onBatch: (messages: WorkMessage[]) => Promise<void>;
  readonly stop: AbortSignal;
}

async function workOnce(work: Work): Promise<void> {
  const { connection, options } = work;
  const manager = await connection.manager(options.domain);
  await ensureConsumer(manager, options);
  const endOfLeftovers = watchLeftovers(manager, work);
  try {
    if (options.domain !== undefined) await workAway(work);
    else await workHere(work);
  } finally {
    await endOfLeftovers();
  }
}

const leftoversEveryMs = 15_000;
const endWithinMs = 500;

/** Looks for messages that the server will never deliver: now, since it may just have come back, and from time to time. */
function watchLeftovers(
  manager: JetStreamManager,
  { connection, logger, options, onBatch, stop: outer }: Work,
): Release {
  const { stream } = options;
  const own = new AbortController();
  const stop = AbortSignal.any([outer, own.signal]);
  const leftovers = new Leftovers(manager, options);
  const handOut = (message: WorkMessage): Promise<void> => settle([message], logger, onBatch);
  const watch = async (): Promise<void> => {
    while (!stop.aborted) {
      try {
        const messages = await leftovers.settle(handOut, stop);
        if (messages > 0) logger.warn({ stream, messages }, 'messages that the log held back were handed out');
      } catch (error) {
        logger.debug({ stream, reason: String(error) }, 'what the log holds back can not be looked at');
      }
      await pause(leftoversEveryMs, stop);
    }
  };
  const finished = watch();
  return async () => {
    own.abort();
    // A server that does not answer keeps nobody from stopping.
    await Promise.race([finished, pause(endWithinMs, connection.closed)]);
  };
}

async function workHere({ connection, logger, options, onBatch, stop }: Work): Promise<void> {
  const consumer = await connection.jetstream(options.domain).consumers.get(options.stream, options.durable);
  const messages = await consumer.consume({
    max_messages: options.batchMax * 2,
    idle_heartbeat: 1_000,
    expires: 10_000,
  });
  const release = endWith(messages, connection, stop);
  try {
    for await (const batch of batches(messages, options, stop)) {
      await settle(batch.map(workMessage), logger, onBatch);
      if (stop.aborted) return;
    }
  } finally {
    release();
    await messages.close();
  }
}

/** How long to rest after a look that found nothing, in milliseconds. */
const awayRestMs = 50;
const awayTimeoutMs = 5_000;

/**
 * Another domain's stream, by asking what it has now. A request that waits there outlives its asker across a
 * leafnode: the server then delivers to nobody as fast as it can (measured with NATS 2.10: 200,000 times a second).
 */
async function workAway({ connection, logger, options, onBatch, stop }: Work): Promise<void> {
  while (!stop.aborted) {
    const messages = await fetchNow(connection, options);
    if (messages.length > 0) await settle(messages.map(workMessage), logger, onBatch);
    else await pause(awayRestMs, stop);
  }
}

async function fetchNow(connection: Connection, { domain, stream, durable, batchMax }: WorkOptions): Promise<JsMsg[]> {
  const found = connection.jetstream(domain).fetch(stream, durable, { batch: batchMax, no_wait: true });
  const late = new Error(`${domain} does not answer`);
  const timer = setTimeout(() => found.stop(late), awayTimeoutMs);
  const messages: JsMsg[] = [];
  try {
    for await (const message of found) messages.push(message);
  } finally {
    clearTimeout(timer);
  }
  return messages;
}

/** Makes the consumer as asked, also when an earlier version of the code left one with other limits. */
async function ensureConsumer(manager: JetStreamManager, options: WorkOptions): Promise<void> {
  const limits = { ack_wait: nanos(options.ackWaitMs), max_ack_pending: options.batchMax * 4, max_deliver: -1 };
  try {
    const { config } = await manager.consumers.info(options.stream, options.durable);
    const isAsked = Object.entries(limits).every(([name, value]) => Reflect.get(config, name) === value);
    if (!isAsked) await manager.consumers.update(options.stream, options.durable, limits);
  } catch (error) {
    if (!isNotFound(error)) throw error;
    await manager.consumers.add(options.stream, {
      ...limits,
      durable_name: options.durable,
      ack_policy: AckPolicy.Explicit,
      deliver_policy: DeliverPolicy.All,
    });
  }
}

/** Groups messages that arrive close together. */
async function* batches(messages: ConsumerMessages, options: WorkOptions, stop: AbortSignal): AsyncGenerator<JsMsg[]> {
  const source = messages[Symbol.asyncIterator]();
  let pending = source.next();
  for (;;) {
    const first = await pending;
    if (first.done) return;
    const batch = [first.value];
    const linger = pause(options.lingerMs, stop).then(() => 'late' as const);
    pending = source.next();
    while (batch.length < options.batchMax) {
      const next = await Promise.race([pending, linger]);
      if (next === 'late' || next.done) break;
      batch.push(next.value);
      pending = source.next();
    }
    yield batch;
  }
}

const giveBackMs = 500;

async function settle(
  batch: WorkMessage[],
  logger: Logger,
  onBatch: (messages: WorkMessage[]) => Promise<void>,
): Promise<void> {
  try {
    await onBatch(batch);
  } catch (error) {
    logger.warn({ reason: String(error), messages: batch.length }, 'batch failed; it will come again');
    const deliveries = Math.max(...batch.map((message) => message.deliveries));
    for (const message of batch) message.retryLater(backoff(deliveries - 1, giveBackMs, 10_000));
  }
}

function workMessage(message: JsMsg): WorkMessage {
  return {
    ...busMessage(message),
    deliveries: message.info.redeliveryCount,
    ack: async () => {
      await message.ackAck({ timeout: 5_000 });
    },
    retryLater: (delayMs) => message.nak(delayMs),
    reject: (reason) => message.term(reason),
  };
}
