import type { Logger } from '@sluice/mesh';
import type { Source } from './held.js';

/** What a change of the ruleset brought. */
export interface RulesetChange {
  readonly revision: number;
  /** 0 when there was none before. */
  readonly previousRevision: number;
  readonly source: Source;
  /** Gates, configs, experiments and layers that are new, changed or gone; undefined when not known. */
  readonly names: readonly string[] | undefined;
  /** When it was committed, when the evaluator applied it, and when it was applied here; absent where it is no change as it happens. */
  readonly times?: HopTimes | undefined;
}

/** When a change came by, Unix milliseconds; with fractions but for the commit. */
export interface HopTimes {
  readonly committedAtMs: number;
  readonly relayedAtMs: number;
  readonly appliedAtMs: number;
}

export type ChangeListener = (change: RulesetChange) => void;

/** Those who want to know when there is another ruleset. A listener that throws harms nobody but itself. */
export class ChangeListeners {
  readonly #logger: Logger;
  readonly #listeners = new Set<ChangeListener>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  get isEmpty(): boolean {
    return this.#listeners.size === 0;
  }

  /** @returns what ends it. */
  add(listener: ChangeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  tell(change: RulesetChange): void {
    for (const listener of [...this.#listeners]) {
      try {
        listener(change);
      } catch (error) {
        this.#logger.error({ err: error }, 'a listener for changes threw');
      }
    }
  }
}
