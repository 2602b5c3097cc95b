import type { Release } from '@sluice/mesh';
import type { Database } from '@sluice/postgres';
import type { SetRef } from '@sluice/proto';
import { Feed } from './feed.js';
import { setKey } from './names.js';
import { outboxChannel } from './outbox.js';

/** Told that a set may have new frames. */
type Listener = () => void;

interface Watched {
  readonly feed: Feed;
  readonly listeners: Set<Listener>;
}

/** The newest frames of each set that somebody watches: read from PostgreSQL once, however many watch. */
export class FrameLog {
  readonly #db: Database;
  readonly #watched = new Map<string, Watched>();

  constructor(db: Database) {
    this.#db = db;
  }

  start(): Promise<Release> {
    return this.#db.listen(outboxChannel, (key) => {
      const some = key === '' ? [...this.#watched.values()] : [this.#watched.get(key)];
      for (const one of some) {
        one?.feed.spoil();
        for (const listener of one?.listeners ?? []) listener();
      }
    });
  }

  /** The feed of a set; calls `listener` whenever it may have more, until it is left. */
  enter(set: SetRef, listener: Listener): { readonly feed: Feed; readonly leave: () => void } {
    const key = setKey(set);
    const watched = this.#watched.get(key) ?? { feed: new Feed(this.#db, set), listeners: new Set() };
    this.#watched.set(key, watched);
    watched.listeners.add(listener);
    const leave = (): void => {
      watched.listeners.delete(listener);
      if (watched.listeners.size === 0 && this.#watched.get(key) === watched) this.#watched.delete(key);
    };
    return { feed: watched.feed, leave };
  }
}
