/**
 * Lets a few through in each turn of the event loop. A change wakes every reader of a set at once:
 * a thousand answers written in one go would hold up all evaluations for 60 ms; in between turns they are answered.
 */
export class Turnstile {
  readonly #perTurn: number;
  readonly #waiting: (() => void)[] = [];
  #passed = 0;
  #isTurning = false;

  constructor(perTurn: number) {
    this.#perTurn = perTurn;
  }

  /** Resolves in this turn or a later one, first come, first served. The wait is as long as the queue, which its callers bound. */
  pass(): Promise<void> | undefined {
    this.#turn();
    if (this.#passed < this.#perTurn) {
      this.#passed++;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  #turn(): void {
    if (this.#isTurning) return;
    this.#isTurning = true;
    setImmediate(() => {
      this.#isTurning = false;
      const next = this.#waiting.splice(0, this.#perTurn);
      this.#passed = next.length;
      for (const go of next) go();
      // The last turn only forgets who passed.
      if (next.length > 0) this.#turn();
    });
  }
}
