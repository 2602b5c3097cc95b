/** How long a slice may take before everything else gets its turn, in milliseconds; one piece is done at least. */
const sliceMs = 1;

/**
 * Work of which a thousand pieces may come at once, done in order and in slices: in between, the
 * loop reads and answers whatever else has come. What a piece sets in motion, promises and ticks,
 * counts as part of it.
 */
export class Slices {
  readonly #waiting: (() => void)[] = [];
  #isWorking = false;
  #untilMs = 0;

  add(piece: () => void): void {
    this.#waiting.push(piece);
    if (this.#isWorking) return;
    this.#isWorking = true;
    setImmediate(this.#begin);
  }

  readonly #begin = (): void => {
    this.#untilMs = performance.now() + sliceMs;
    this.#next();
  };

  readonly #next = (): void => {
    this.#waiting.shift()?.();
    if (this.#waiting.length === 0) this.#isWorking = false;
    else if (performance.now() >= this.#untilMs) setImmediate(this.#begin);
    else process.nextTick(queueMicrotask, this.#next);
  };
}
