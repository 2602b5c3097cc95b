import { type Logger, SluiceError } from '@sluice/mesh';
import type { Held, Source } from './held.js';

/** What a change of the ruleset brought. */
export interface RulesetChange {
  readonly revision: number;
  /** 0 when there was none before. */
  readonly previousRevision: number;
  readonly source: Source;
  /** Gates, configs, experiments and layers that are new, changed or gone; undefined when not known. */
  readonly names: readonly string[] | undefined;
}

export type ChangeListener = (change: RulesetChange) => void;

interface Waiter {
  readonly revision: number;
  readonly settle: () => void;
}

/** The ruleset that answers are given from, and those who want to know when there is another. */
export class Holder {
  current: Held | undefined = undefined;
  readonly #logger: Logger;
  readonly #listeners = new Set<ChangeListener>();
  readonly #waiters = new Set<Waiter>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** From here on answers come from this ruleset. A listener that throws harms nobody but itself. */
  put(held: Held, names?: readonly string[]): void {
    const previousRevision = this.current?.revision ?? 0;
    this.current = held;
    for (const waiter of [...this.#waiters]) if (waiter.revision <= held.revision) waiter.settle();
    const change = { revision: held.revision, previousRevision, source: held.source, names };
    for (const listener of [...this.#listeners]) {
      try {
        listener(change);
      } catch (error) {
        this.#logger.error({ err: error }, 'a listener for changes threw');
      }
    }
  }

  listen(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * Waits until something at least as new is held; revision 0 is anything.
   * @throws SluiceError `deadline` with the words of `why`, which is asked only then.
   */
  waitFor(revision: number, timeoutMs: number, why: () => string): Promise<void> {
    if (this.current && this.current.revision >= revision) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const waiter: Waiter = {
        revision,
        settle: () => {
          clearTimeout(timer);
          this.#waiters.delete(waiter);
          resolve();
        },
      };
      const timer = setTimeout(() => {
        this.#waiters.delete(waiter);
        reject(new SluiceError('deadline', why()));
      }, timeoutMs);
      this.#waiters.add(waiter);
    });
  }
}
