/** Calls at a fixed rate, whether or not earlier ones were answered: a server that hangs does not make its load lighter. */

export interface LoadReport {
  readonly calls: number;
  readonly failed: number;
  /** What failures said, and how often. */
  readonly reasons: ReadonlyMap<string, number>;
  /** Answers that were stated as stale. */
  readonly stale: number;
  /** From the moment that a call was due, in milliseconds; failures count as well. */
  readonly p99Ms: number;
  readonly worstMs: number;
  /** Calls that took far longer than one does, in the order of their ends. */
  readonly slow: readonly SlowCall[];
}

export interface SlowCall {
  /** As `performance.now()` tells time. */
  readonly dueMs: number;
  readonly tookMs: number;
}

/** @returns whether the answer was stated as stale. */
export type Ask = () => Promise<boolean>;

const tickMs = 2;
const reasonLength = 120;
/** No evaluation takes this long, unless it waits for somebody who does not answer. */
export const slowMs = 250;

/** A load that goes on until it is ended. */
export class OpenLoop {
  readonly #ask: Ask;
  readonly #perSecond: number;
  readonly #latencies: number[] = [];
  readonly #reasons = new Map<string, number>();
  readonly #slow: SlowCall[] = [];
  readonly #pending = new Set<Promise<void>>();
  readonly #startedMs = performance.now();
  readonly #timer: NodeJS.Timeout;
  #sent = 0;
  #failed = 0;
  #stale = 0;

  constructor(ask: Ask, perSecond: number) {
    this.#ask = ask;
    this.#perSecond = perSecond;
    this.#timer = setInterval(() => this.#send(), tickMs);
  }

  /** Calls that have been answered or have failed. */
  get settled(): number {
    return this.#latencies.length;
  }

  /** Sends no more, and waits for all answers; harmless when repeated. */
  async end(): Promise<LoadReport> {
    clearInterval(this.#timer);
    await Promise.all(this.#pending);
    const sorted = this.#latencies.toSorted((left, right) => left - right);
    return {
      calls: sorted.length,
      failed: this.#failed,
      reasons: this.#reasons,
      stale: this.#stale,
      p99Ms: sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.99))] ?? 0,
      worstMs: sorted.at(-1) ?? 0,
      slow: this.#slow,
    };
  }

  #send(): void {
    const elapsedMs = performance.now() - this.#startedMs;
    for (; this.#sent < (elapsedMs * this.#perSecond) / 1_000; this.#sent++) {
      const call = this.#one(this.#startedMs + (this.#sent * 1_000) / this.#perSecond);
      this.#pending.add(call);
      void call.finally(() => this.#pending.delete(call));
    }
  }

  async #one(dueMs: number): Promise<void> {
    try {
      if (await this.#ask()) this.#stale++;
    } catch (error) {
      this.#failed++;
      const reason = String(error).slice(0, reasonLength);
      this.#reasons.set(reason, (this.#reasons.get(reason) ?? 0) + 1);
    }
    const tookMs = performance.now() - dueMs;
    this.#latencies.push(tookMs);
    if (tookMs >= slowMs) this.#slow.push({ dueMs, tookMs });
  }
}

/** One line, such as `0 of 1200 failed, p99 12 ms`. */
export function describeLoad({ calls, failed, reasons, p99Ms }: LoadReport): string {
  const [why] = reasons.keys();
  return `${failed} of ${calls} failed, p99 ${p99Ms.toFixed(0)} ms${why === undefined ? '' : ` (${why})`}`;
}
