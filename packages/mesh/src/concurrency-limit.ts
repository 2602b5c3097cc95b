/**
 * How many calls to work on at a time, learnt from how long they take. Ten times a second:
 *
 * - When the thread is saturated, the limit is what it answers in the target time (Little's law):
 *   more would only wait for it.
 * - Otherwise calls wait for something else, a store for example. A call's excess is its latency
 *   less what its method takes when little else is going on (its floor). If the median excess is
 *   above the target, the limit shrinks in proportion, at most to a half. Medians, so that a few
 *   calls with a lot of work say nothing of the rest.
 * - If calls had to wait and neither holds, the limit grows, by its half at first and by its root
 *   when the target is near.
 *
 * The floor is the least latency of the last two spans. While calls have to wait, spans don't end,
 * so that a long overload never comes to look normal; except at the smallest limit, where latency is
 * what the store can do: this is how one that has become slower is learnt.
 */
export interface ConcurrencyOptions {
  readonly min: number;
  readonly max: number;
  /** Milliseconds. */
  readonly targetMs: number;
  /** The share of the time since it was asked last that the thread was busy, from 0 to 1. */
  readonly utilization: () => number;
}

interface Floor {
  lastMs: number;
  currentMs: number;
  sinceMs: number;
}

const windowMs = 100;
const windowCallsMin = 8;
/** More than this tell nothing new. */
const samplesMax = 512;
const spanMs = 10_000;
/** Enough for a burst of calls that wait for a store; few enough to answer them all in time if they don't. */
const startLimit = 64;
/** From this share on, a thread is saturated. */
const saturated = 0.9;

export class ConcurrencyLimit {
  readonly #options: ConcurrencyOptions;
  readonly #floors = new Map<string, Floor>();
  #limit: number;
  #excesses: number[] = [];
  #calls = 0;
  #answered = 0;
  #windowMs: number | undefined;
  #isScarce = false;

  constructor(options: ConcurrencyOptions) {
    this.#options = options;
    this.#limit = Math.max(options.min, Math.min(options.max, startLimit));
  }

  get value(): number {
    return Math.floor(this.#limit);
  }

  /** A call had to wait, or was refused. */
  noteScarcity(): void {
    this.#isScarce = true;
  }

  /** A call of a method took so long from its admission to its end: its answer, or its caller's patience. */
  record(method: string, latencyMs: number, nowMs: number, isAnswered = true): void {
    this.#windowMs ??= nowMs;
    this.#calls++;
    if (isAnswered) this.#answered++;
    if (this.#excesses.length < samplesMax) this.#excesses.push(latencyMs - this.#floorOf(method, latencyMs, nowMs));
    const elapsedMs = nowMs - this.#windowMs;
    if (elapsedMs < windowMs || this.#calls < windowCallsMin) return;
    this.#adjust(median(this.#excesses), this.#answered / elapsedMs);
    this.#excesses = [];
    this.#calls = 0;
    this.#answered = 0;
    this.#isScarce = false;
    this.#windowMs = nowMs;
  }

  #floorOf(method: string, latencyMs: number, nowMs: number): number {
    let floor = this.#floors.get(method);
    if (floor === undefined) {
      floor = { lastMs: latencyMs, currentMs: latencyMs, sinceMs: nowMs };
      this.#floors.set(method, floor);
    }
    if (nowMs - floor.sinceMs >= spanMs && (!this.#isScarce || this.#limit <= this.#options.min)) {
      floor.lastMs = floor.currentMs;
      floor.currentMs = latencyMs;
      floor.sinceMs = nowMs;
    }
    floor.currentMs = Math.min(floor.currentMs, latencyMs);
    return Math.min(floor.lastMs, floor.currentMs);
  }

  #adjust(excessMs: number, callsPerMs: number): void {
    const { min, max, targetMs, utilization } = this.#options;
    const isSaturated = utilization() >= saturated;
    const isLate = excessMs > targetMs;
    // While nobody waits and nothing is late, the limit does not matter.
    if (!isLate && !this.#isScarce) return;
    if (isSaturated) this.#limit = callsPerMs * targetMs;
    else if (isLate) this.#limit *= Math.max(0.5, targetMs / excessMs);
    else this.#limit += excessMs < targetMs / 2 ? this.#limit / 2 : Math.sqrt(this.#limit);
    this.#limit = Math.max(min, Math.min(max, this.#limit));
  }
}

function median(values: number[]): number {
  values.sort((a, b) => a - b);
  return values[values.length >> 1] ?? 0;
}
