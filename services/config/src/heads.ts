import { equalHashes } from '@sluice/codec';
import type { Database, Queryable } from '@sluice/postgres';
import type { SetRef, SetState } from '@sluice/proto';
import { type Head, headOf } from './head.js';
import { setKey } from './names.js';
import { allowTimeFor, readEntities, readSet } from './store.js';

/**
 * The newest revision of each set, compiled, so that a write costs what it changes and not what
 * the set holds. PostgreSQL stays the authority: a head is used only at the revision that the
 * set's row says, so another replica's writes are never overlooked.
 */
export class Heads {
  readonly #heads = new Map<string, Head>();

  /**
   * The head of a set, read inside a transaction; absent when the set does not exist. What a
   * writing transaction reads may be its own, uncommitted work, so nothing is remembered here.
   */
  async read(tx: Queryable, set: SetRef, isWriting: boolean): Promise<Head | undefined> {
    const state = await readSet(tx, set, isWriting);
    if (!state) return undefined;
    const held = this.#heads.get(setKey(set));
    return held && isAt(held, state) ? held : load(tx, set, state);
  }

  /** The head of a set outside of a write. */
  async current(db: Database, set: SetRef): Promise<Head | undefined> {
    const head = await db.transaction((tx) => this.read(tx, set, false));
    if (head) this.put(set, head);
    return head;
  }

  /** Remembers a head once its transaction has committed. */
  put(set: SetRef, head: Head): void {
    const held = this.#heads.get(setKey(set));
    if (!held || held.revision < head.revision) this.#heads.set(setKey(set), head);
  }
}

function isAt(head: Head, state: SetState): boolean {
  return head.revision === state.revision && equalHashes(head.stateHash, state.stateHash);
}

async function load(tx: Queryable, set: SetRef, state: SetState): Promise<Head> {
  const held = await readEntities(tx, set);
  await allowTimeFor(tx, held.length);
  return headOf(state.revision, state.stateHash, state.committedAtMs, held);
}
