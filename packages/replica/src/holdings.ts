import type { Program } from '@sluice/engine';
import { type Clock, exhausted, systemClock } from '@sluice/mesh';
import type { KeyGrant, SetRef } from '@sluice/proto';
import { compareLineage, type ReplicaState } from './replica.js';

/** Revisions of each set that stay addressable. */
export const programsKept = 32;

/** Waits per set for revisions to come; more are turned away. */
const waitersMax = 10_000;

/** Calls with an unknown key that may wait at a time. */
const grantWaitersMax = 1_000;

interface Waiter {
  readonly revision: number;
  readonly settle: (isHeld: boolean) => void;
}

interface Holding {
  state: ReplicaState;
  /** When this was last known to be config's newest revision, Unix milliseconds. */
  freshAtMs: number;
  readonly programs: Map<number, Program>;
  readonly waiters: Set<Waiter>;
}

/** Where one set stands. */
export interface Standing {
  readonly state: ReplicaState;
  /** Whole milliseconds since this was last known to be config's newest revision. */
  readonly ageMs: number;
}

export const setKey = ({ project, environment }: SetRef): string => `${project}/${environment}`;

/** Every set that a process holds, and how fresh each is. Revisions only grow, unless the whole lineage is replaced. */
export class Holdings {
  readonly #clock: Clock;
  readonly #holdings = new Map<string, Holding>();
  readonly #grants = new Map<string, KeyGrant>();
  readonly #grantWaiters = new Set<() => void>();

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#holdings.size;
  }

  get(set: SetRef): ReplicaState | undefined {
    return this.#holdings.get(setKey(set))?.state;
  }

  /** The newest state of a set with its age. */
  standing(set: SetRef): Standing | undefined {
    const holding = this.#holdings.get(setKey(set));
    return holding && { state: holding.state, ageMs: this.#ageOf(holding) };
  }

  /** Ordered by project, then environment. */
  all(): Standing[] {
    const keys = [...this.#holdings.keys()].sort();
    return keys.flatMap((key) => {
      const holding = this.#holdings.get(key);
      return holding ? [{ state: holding.state, ageMs: this.#ageOf(holding) }] : [];
    });
  }

  /** One of the last 32 revisions of a set. */
  programAt(set: SetRef, revision: number): Program | undefined {
    return this.#holdings.get(setKey(set))?.programs.get(revision);
  }

  /** The oldest and the newest revision that `programAt` knows, for whoever is told that another one is not there. */
  heldRange(set: SetRef): { oldest: number; newest: number } | undefined {
    const holding = this.#holdings.get(setKey(set));
    if (!holding) return undefined;
    return { oldest: Math.min(...holding.programs.keys()), newest: holding.state.revision };
  }

  /** What the SDK key with this digest may do; looked up in every set held. */
  findGrant(digest: string): KeyGrant | undefined {
    return this.#grants.get(digest);
  }

  /**
   * Waits for a key that somebody presents and nobody has told us of yet: it may have been made
   * a moment ago. @returns undefined when no change brings it within `timeoutMs`.
   */
  async waitForGrant(digest: string, timeoutMs: number): Promise<KeyGrant | undefined> {
    const until = performance.now() + timeoutMs;
    for (let left = timeoutMs; left > 0; left = until - performance.now()) {
      if (this.#grants.has(digest) || this.#grantWaiters.size >= grantWaitersMax) break;
      await this.#nextGrants(left);
    }
    return this.#grants.get(digest);
  }

  #nextGrants(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const settle = (): void => {
        clearTimeout(timer);
        this.#grantWaiters.delete(settle);
        resolve();
      };
      const timer = setTimeout(settle, timeoutMs);
      this.#grantWaiters.add(settle);
    });
  }

  /** Takes a newer state. `freshAtMs`: when it was known to be the newest. */
  put(state: ReplicaState, freshAtMs: number): void {
    const key = setKey(state.set);
    const holding = this.#holdings.get(key);
    const before = holding?.state;
    const isOtherLineage = before && compareLineage(before.lineage, state.lineage) !== 'same';
    if (before && before.revision > state.revision && !isOtherLineage) return;
    if (holding) {
      holding.state = state;
      holding.freshAtMs = isOtherLineage ? freshAtMs : Math.max(holding.freshAtMs, freshAtMs);
      // The same numbers are other rulesets there.
      if (isOtherLineage) holding.programs.clear();
      remember(holding.programs, state);
      settleWaiters(holding.waiters, state.revision);
    } else {
      const programs = new Map([[state.revision, state.program]]);
      this.#holdings.set(key, { state, freshAtMs, programs, waiters: new Set() });
    }
    if (before?.grants !== state.grants) this.#indexGrants();
  }

  /** The held state of this set was config's newest at that time. */
  confirm(set: SetRef, atMs: number): void {
    const holding = this.#holdings.get(setKey(set));
    if (holding) holding.freshAtMs = Math.max(holding.freshAtMs, atMs);
  }

  /**
   * Waits until a set that is held has reached a revision.
   * @returns false when it has not within `timeoutMs`, or when `signal` aborts.
   * @throws SluiceError `exhausted` when too many wait.
   */
  async waitFor(set: SetRef, revision: number, timeoutMs: number, signal?: AbortSignal): Promise<boolean> {
    const holding = this.#holdings.get(setKey(set));
    if (!holding) return false;
    const { waiters } = holding;
    if (holding.state.revision >= revision) return true;
    if (timeoutMs <= 0 || signal?.aborted) return false;
    if (waiters.size >= waitersMax) throw exhausted(`Too many calls wait for changes of ${setKey(set)}.`, 1_000);
    return new Promise((resolve) => {
      const settle = (isHeld: boolean): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', giveUp);
        waiters.delete(waiter);
        resolve(isHeld);
      };
      const giveUp = (): void => settle(false);
      const waiter: Waiter = { revision, settle };
      const timer = setTimeout(giveUp, timeoutMs);
      signal?.addEventListener('abort', giveUp, { once: true });
      waiters.add(waiter);
    });
  }

  #ageOf({ freshAtMs }: Holding): number {
    // Whole milliseconds: that is what the wire has room for.
    return Math.max(Math.round(this.#clock.now() - freshAtMs), 0);
  }

  #indexGrants(): void {
    this.#grants.clear();
    for (const { state } of this.#holdings.values()) {
      for (const [digest, grant] of state.grants) this.#grants.set(digest, grant);
    }
    for (const settle of [...this.#grantWaiters]) settle();
  }
}

function remember(programs: Map<number, Program>, { revision, program }: ReplicaState): void {
  programs.set(revision, program);
  for (const oldest of programs.keys()) {
    if (programs.size <= programsKept) return;
    programs.delete(oldest);
  }
}

function settleWaiters(waiters: ReadonlySet<Waiter>, revision: number): void {
  for (const waiter of [...waiters]) if (waiter.revision <= revision) waiter.settle(true);
}
