import { type Logger, SluiceError } from '@sluice/mesh';
import { type ChangeListener, ChangeListeners, type HopTimes } from './change-listeners.js';
import type { Held } from './held.js';

interface Waiter {
  readonly revision: number;
  readonly settle: () => void;
}

/** Rulesets that stay addressable for requests that are pinned. */
const kept = 32;

/** The ruleset that answers are given from, and those who want to know when there is another. */
export class Holder {
  current: Held | undefined = undefined;
  readonly #listeners: ChangeListeners;
  readonly #waiters = new Set<Waiter>();
  /** The last rulesets by revision, oldest first. */
  readonly #recent = new Map<number, Held>();

  constructor(logger: Logger) {
    this.#listeners = new ChangeListeners(logger);
  }

  /** From here on answers come from this ruleset. */
  put(held: Held, names?: readonly string[], times?: HopTimes): void {
    const previousRevision = this.current?.revision ?? 0;
    this.#remember(held);
    this.current = held;
    for (const waiter of [...this.#waiters]) if (waiter.revision <= held.revision) waiter.settle();
    const { revision, source } = held;
    this.#listeners.tell({ revision, previousRevision, source, names, ...(times && { times }) });
  }

  /** The ruleset of a revision, if it is among the last ones. */
  at(revision: number): Held | undefined {
    return this.current?.revision === revision ? this.current : this.#recent.get(revision);
  }

  /** The oldest revision that `at` knows; 0 for none. */
  get oldestRevision(): number {
    return Math.min(...this.#recent.keys(), this.current?.revision ?? 0);
  }

  #remember(held: Held): void {
    const { current } = this;
    // Of another history, or one that counts again from below: the same numbers are other rulesets there.
    const isOther = current && (current.set?.project !== held.set?.project || held.revision < current.revision);
    if (isOther || current?.state?.lineage !== held.state?.lineage) this.#recent.clear();
    this.#recent.delete(held.revision);
    this.#recent.set(held.revision, held);
    for (const oldest of this.#recent.keys()) {
      if (this.#recent.size <= kept) return;
      this.#recent.delete(oldest);
    }
  }

  listen(listener: ChangeListener): () => void {
    return this.#listeners.add(listener);
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
