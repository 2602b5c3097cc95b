import type { Logger, Release } from '@sluice/mesh';
import type { Database } from '@sluice/postgres';
import type { Frame, SetRef } from '@sluice/proto';
import { setKey } from './names.js';
import { framesKept, outboxChannel, readFrames } from './outbox.js';

/** Told that a set has new frames. */
type Listener = () => void;

/** The newest frames of each set, for watchers: read from PostgreSQL once, however many watch. */
export class FrameLog {
  readonly #db: Database;
  readonly #logger: Logger;
  readonly #frames = new Map<string, Frame[]>();
  readonly #listeners = new Map<string, Set<Listener>>();

  constructor(db: Database, logger: Logger) {
    this.#db = db;
    this.#logger = logger;
  }

  start(): Promise<Release> {
    return this.#db.listen(outboxChannel, (key) => {
      const keys = key === '' ? [...this.#listeners.keys()] : [key];
      for (const one of keys) for (const listener of this.#listeners.get(one) ?? []) listener();
    });
  }

  /** Calls `listener` whenever the set may have new frames. */
  subscribe(set: SetRef, listener: Listener): Release {
    const key = setKey(set);
    const listeners = this.#listeners.get(key) ?? new Set();
    this.#listeners.set(key, listeners.add(listener));
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(key);
    };
  }

  /** Frames after `revision`, without a gap; absent when they are no longer kept. */
  async since(set: SetRef, revision: number): Promise<Frame[] | undefined> {
    await this.#refresh(set);
    const frames = this.#frames.get(setKey(set)) ?? [];
    const newest = frames.at(-1)?.revision ?? 0;
    if (revision === newest) return [];
    const first = frames.findIndex((frame) => frame.previousRevision === revision);
    const missed = first < 0 ? [] : frames.slice(first);
    // A frame without its entities carries nobody on, and a gap is no chain: a snapshot does it.
    const isChain = missed.every((frame, i) => frame.previousRevision === (missed[i - 1]?.revision ?? revision));
    return missed.length > 0 && isChain && !missed.some(({ isElided }) => isElided) ? missed : undefined;
  }

  async #refresh(set: SetRef): Promise<void> {
    const key = setKey(set);
    const held = this.#frames.get(key) ?? [];
    const fresh = await readFrames(this.#db, set, held.at(-1)?.revision ?? 0);
    const current = this.#frames.get(key) ?? [];
    const newest = current.at(-1)?.revision ?? 0;
    const added = fresh.filter((frame) => frame.revision > newest);
    if (added.length === 0) return;
    this.#frames.set(key, [...current, ...added].slice(-framesKept));
    this.#logger.trace({ set: key, frames: added.length }, 'frames read');
  }
}
