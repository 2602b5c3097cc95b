import type { Database, Queryable } from '@sluice/postgres';
import type { SetRef, SetState } from '@sluice/proto';
import { type Head, headOf } from './head.js';
import { setKey } from './names.js';
import { readEntities, readSet } from './store.js';

/**
 * The newest revision of each set, compiled, so that a write costs what it changes and not what
 * the set holds. PostgreSQL stays the authority: a head is used only at the revision that the
 * set's row says, so another replica's writes are never overlooked.
 */
export class Heads {
  readonly #heads = new Map<string, Head>();

  /** The head of a set, read inside a transaction; absent when the set does not exist. */
  async read(tx: Queryable, set: SetRef, isWriting: boolean): Promise<Head | undefined> {
    const state = await readSet(tx, set, isWriting);
    if (!state) return undefined;
    const held = this.#heads.get(setKey(set));
    return held?.revision === state.revision ? held : this.#load(tx, set, state);
  }

  /** The head of a set outside of a write. */
  current(db: Database, set: SetRef): Promise<Head | undefined> {
    return db.transaction((tx) => this.read(tx, set, false));
  }

  /** Remembers a head once its transaction has committed. */
  put(set: SetRef, head: Head): void {
    const held = this.#heads.get(setKey(set));
    if (!held || held.revision < head.revision) this.#heads.set(setKey(set), head);
  }

  async #load(tx: Queryable, set: SetRef, state: SetState): Promise<Head> {
    const head = headOf(state.revision, state.stateHash, state.committedAtMs, await readEntities(tx, set));
    // The row is locked at least for sharing: what was read is committed, and is the newest.
    this.put(set, head);
    return head;
  }
}
