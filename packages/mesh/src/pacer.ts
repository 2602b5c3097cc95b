import { setTimeout as delay } from 'node:timers/promises';
import { jitter } from './backoff.js';
import { exhausted } from './errors.js';

export interface PacerOptions {
  /** What may go out together, in bytes per second. */
  readonly bytesPerSecond: number;
  /** Bytes that may go out at once after a rest. */
  readonly burstBytes: number;
  /** Whoever would wait for longer than this is told when to come back, in milliseconds. */
  readonly waitMaxMs: number;
  /** Milliseconds from any fixed point. */
  readonly now?: () => number;
}

/**
 * Admits large messages one after the other at a steady rate. A thousand readers that come at
 * once would otherwise have their snapshots written in one go, and everybody's evaluations would
 * wait behind them; so most of them wait, a few seconds at most, while calls are answered in between.
 */
export class Pacer {
  readonly #options: PacerOptions;
  readonly #now: () => number;
  /** When all that was admitted has gone out, at the rate. */
  #clearAt = Number.NEGATIVE_INFINITY;
  #waiting = 0;

  constructor(options: PacerOptions) {
    this.#options = options;
    this.#now = options.now ?? (() => performance.now());
  }

  /** Messages that wait for their turn. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Takes a place in the queue. @returns how long to wait for it, in milliseconds. @throws SluiceError `exhausted` with the time to come back. */
  reserve(bytes: number): number {
    const { bytesPerSecond, burstBytes, waitMaxMs } = this.#options;
    const now = this.#now();
    const clearAt = Math.max(this.#clearAt, now);
    const waitMs = clearAt - now - (burstBytes / bytesPerSecond) * 1_000;
    if (waitMs > waitMaxMs) {
      throw exhausted('Too many readers want the whole ruleset at once; come back later.', jitter(waitMs));
    }
    this.#clearAt = clearAt + (bytes / bytesPerSecond) * 1_000;
    return Math.max(waitMs, 0);
  }

  /** Resolves when it is this message's turn, or when `signal` aborts. @throws SluiceError `exhausted`. */
  async admit(bytes: number, signal: AbortSignal): Promise<void> {
    const waitMs = this.reserve(bytes);
    if (waitMs < 1) return;
    this.#waiting++;
    await delay(waitMs, undefined, { signal }).catch(() => undefined);
    this.#waiting--;
  }
}
