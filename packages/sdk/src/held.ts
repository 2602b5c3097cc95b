import { emptyStateHash, type StateHash } from '@sluice/codec';
import type { Program } from '@sluice/engine';
import type { SetRef } from '@sluice/proto';
import type { ReplicaState } from '@sluice/replica';

/** Where a ruleset came from. */
export type Source = 'network' | 'disk' | 'bootstrap';

/** One ruleset with what is known of its freshness. A newer ruleset is another object. */
export class Held {
  readonly program: Program;
  /** 0 for documents that carry none. */
  readonly revision: number;
  readonly stateHash: StateHash;
  readonly set: SetRef | undefined;
  readonly source: Source;
  /** What frames are applied to; absent for documents. */
  readonly state: ReplicaState | undefined;
  readonly #staleAfterMs: number;
  #freshAtMs: number;
  /** The sender has not said yet how fresh it is itself. */
  #isProvisional: boolean;

  constructor(from: ReplicaState | Program, source: Source, freshAtMs: number, staleAfterMs: number) {
    const state = 'program' in from ? from : undefined;
    this.state = state;
    this.program = 'program' in from ? from.program : from;
    this.revision = state?.revision ?? 0;
    this.stateHash = state?.stateHash ?? emptyStateHash();
    this.set = state?.set;
    this.source = source;
    this.#freshAtMs = freshAtMs;
    this.#isProvisional = source === 'network';
    this.#staleAfterMs = staleAfterMs;
  }

  /** Whole milliseconds since this was last known to be config's newest revision. */
  get ageMs(): number {
    return Math.max(Math.round(Date.now() - this.#freshAtMs), 0);
  }

  get isStale(): boolean {
    return this.ageMs > this.#staleAfterMs;
  }

  get freshAtMs(): number {
    return this.#freshAtMs;
  }

  /** This was config's newest at that time, the sender says; its first word outweighs our guess. */
  confirm(atMs: number): void {
    this.#freshAtMs = this.#isProvisional ? atMs : Math.max(this.#freshAtMs, atMs);
    this.#isProvisional = false;
  }
}
