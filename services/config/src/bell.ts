/** Wakes one waiter; a ring that nobody waited for is remembered. */
export class Bell {
  readonly #signal: AbortSignal;
  readonly #ring = (): void => this.ring();
  #isRung = false;
  #wake: (() => void) | undefined;

  constructor(signal: AbortSignal) {
    this.#signal = signal;
    signal.addEventListener('abort', this.#ring, { once: true });
  }

  ring(): void {
    this.#isRung = true;
    this.#wake?.();
  }

  /** Until the next ring, for so long at most. */
  async wait(withinMs: number): Promise<void> {
    if (!this.#isRung && !this.#signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      const timer = setTimeout(resolve, withinMs);
      await promise;
      clearTimeout(timer);
    }
    this.#isRung = false;
  }

  /** To be called when nobody waits any more: the signal may outlive the bell. */
  close(): void {
    this.#signal.removeEventListener('abort', this.#ring);
  }
}
