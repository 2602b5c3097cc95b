/**
 * A token bucket: so many per second, and so many at once. Time comes in as an argument, in
 * milliseconds of any clock that never goes back.
 */
export class Rate {
  readonly #perMs: number;
  readonly #burst: number;
  #tokens: number;
  #atMs: number;

  /** @param tokens what there is at first: all that there can be unless less is given. */
  constructor(perSecond: number, burst: number, nowMs: number, tokens = burst) {
    this.#perMs = perSecond / 1_000;
    this.#burst = burst;
    this.#tokens = tokens;
    this.#atMs = nowMs;
  }

  /** Takes one. @returns 0 when there was one, otherwise how long until there is, in milliseconds. */
  take(nowMs: number): number {
    this.#tokens = Math.min(this.#burst, this.#tokens + (nowMs - this.#atMs) * this.#perMs);
    this.#atMs = nowMs;
    if (this.#tokens < 1) return (1 - this.#tokens) / this.#perMs;
    this.#tokens--;
    return 0;
  }
}

/** One bucket for each key that was seen lately. */
export class Rates {
  readonly #perSecond: number;
  readonly #burst: number;
  readonly #keysMax: number;
  readonly #rates = new Map<string, Rate>();

  constructor(perSecond: number, burst: number, keysMax: number) {
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#keysMax = keysMax;
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#rates.size;
  }

  has(key: string): boolean {
    return this.#rates.has(key);
  }

  /** Takes one of the key's. @returns 0 when there was one, otherwise how long until there is, in milliseconds. */
  take(key: string, nowMs: number): number {
    let rate = this.#rates.get(key);
    if (rate === undefined) {
      rate = new Rate(this.#perSecond, this.#burst, nowMs);
      this.#rates.set(key, rate);
      if (this.#rates.size > this.#keysMax) this.#forget();
    }
    return rate.take(nowMs);
  }

  /** The key that came first goes; should it come again, it starts with a full bucket, which harms nobody else. */
  #forget(): void {
    const [oldest] = this.#rates.keys();
    if (oldest !== undefined) this.#rates.delete(oldest);
  }
}
