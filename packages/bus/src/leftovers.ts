/**
 * Messages that a work queue still holds, and that its server will never deliver. One that loses power, or
 * room on its disk, may know of an acknowledgement and not of the removal, or of a delivery and not of what
 * became of it; which is right nobody can tell. So each is handed out once more, and then removed: whoever
 * works them off has to know what was done already.
 */
import { type JetStreamManager, RetentionPolicy, type StoredMsg } from 'nats';
import type { WorkMessage, WorkOptions } from './bus.js';
import { traceparentOf } from './headers.js';
import { isNotFound } from './streams.js';

/** One look hands out so many at most. */
const leftoversMax = 1_000;

export class Leftovers {
  readonly #manager: JetStreamManager;
  readonly #options: Pick<WorkOptions, 'stream' | 'durable'>;
  /** The oldest message at the last look, and when that was. */
  #oldest = 0;
  #lookedMs = 0;

  constructor(manager: JetStreamManager, options: Pick<WorkOptions, 'stream' | 'durable'>) {
    this.#manager = manager;
    this.#options = options;
  }

  /**
   * Hands out what is left over, one after the other: what the consumer takes for settled; and what it
   * delivered long ago, when the oldest message has not changed since the last look. That may be on its
   * way after all, which does no harm. @returns how many were handed out.
   */
  async settle(handOut: (message: WorkMessage) => Promise<void>, stop: AbortSignal): Promise<number> {
    const { stream, durable } = this.#options;
    const sinceMs = this.#lookedMs;
    this.#lookedMs = Date.now();
    // In this order: what is settled meanwhile is gone from the stream already.
    const { ack_floor: floor, delivered } = await this.#manager.consumers.info(stream, durable);
    let oldest = await this.#first();
    const isStuck = oldest === this.#oldest;
    let handed = 0;
    while (oldest > 0 && handed < leftoversMax && !stop.aborted) {
      const isSettled = oldest <= floor.stream_seq;
      if (!isSettled && !(isStuck && oldest <= delivered.stream_seq)) break;
      const message = await this.#manager.streams.getMessage(stream, { seq: oldest }).catch(undefinedIfGone);
      if (message && !isSettled && nanosecondsOf(message.timestamp) / 1e6 > sinceMs) break;
      if (message) await handOut(this.#workMessage(message));
      handed++;
      const next = await this.#first();
      // It could not be worked off now; the next look finds it again.
      if (next === oldest) break;
      oldest = next;
    }
    this.#oldest = oldest;
    return handed;
  }

  /** Number of the oldest message; 0 when there is none, or messages stay after they were settled. */
  async #first(): Promise<number> {
    const { state, config } = await this.#manager.streams.info(this.#options.stream);
    return config.retention === RetentionPolicy.Workqueue && state.messages > 0 ? state.first_seq : 0;
  }

  #workMessage(message: StoredMsg): WorkMessage {
    const remove = async (): Promise<void> => {
      await this.#manager.streams.deleteMessage(this.#options.stream, message.seq, false).catch(undefinedIfGone);
    };
    return {
      subject: message.subject,
      data: message.data,
      sequence: message.seq,
      traceparent: traceparentOf(message.header),
      publishedAtMs: nanosecondsOf(message.timestamp) / 1e6,
      deliveries: 2,
      ack: remove,
      retryLater: () => undefined,
      reject: () => void remove().catch(() => undefined),
    };
  }
}

/** Another worker was faster. */
function undefinedIfGone(error: unknown): undefined {
  if (!isNotFound(error)) throw error;
}

/** As deliveries have it, to the last bit: a time such as 2026-11-23T16:54:58.171536123Z, as the nearest double. */
export function nanosecondsOf(timestamp: string): number {
  const [, toTheSecond = '', fraction = ''] = /^(.*?)(?:\.(\d+))?Z$/.exec(timestamp) ?? [];
  const seconds = BigInt(Date.parse(`${toTheSecond}Z`) / 1_000);
  return Number(seconds * 1_000_000_000n + BigInt(fraction.padEnd(9, '0').slice(0, 9)));
}
