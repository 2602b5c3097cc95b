import type { Provenance, SetRef } from '@sluice/proto';

/** What an evaluator said of the ruleset that it decided from, and when it said so. */
export class Heard {
  readonly set: SetRef | undefined;
  readonly revision: number;
  readonly #wasStale: boolean;
  /** The ruleset was last known to be the newest then. */
  readonly #freshAtMs: number;
  readonly #staleAfterMs: number;

  constructor({ set, revision, ageMs, isStale }: Provenance, staleAfterMs: number) {
    this.set = set;
    this.revision = revision;
    this.#wasStale = isStale;
    this.#freshAtMs = Date.now() - ageMs;
    this.#staleAfterMs = staleAfterMs;
  }

  /** Whole milliseconds since that ruleset was last known to be the newest, as of now. */
  get ageMs(): number {
    return Math.max(Math.round(Date.now() - this.#freshAtMs), 0);
  }

  /** The evaluator says so, or the answer itself has grown old. */
  get isStale(): boolean {
    return this.#wasStale || this.ageMs > this.#staleAfterMs;
  }
}
