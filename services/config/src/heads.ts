import { equalHashes } from '@sluice/codec';
import type { Database, Transaction } from '@sluice/postgres';
import type { SetRef, SetState } from '@sluice/proto';
import { type Head, type Held, headOf } from './head.js';
import { setKey } from './names.js';
import { allowTimeFor, lockSet, readEntities, readSet } from './store.js';

/** Entities of all heads together; sets that were not asked for longest are read again when they are. */
const usualEntitiesMax = 500_000;

/**
 * The newest revision of each set, compiled, so that a write costs what it changes and not what
 * the set holds. PostgreSQL stays the authority: a head is used only at the revision that the
 * set's row says, so another replica's writes are never overlooked.
 */
export class Heads {
  readonly #entitiesMax: number;
  /** In the order of their last use. */
  readonly #heads = new Map<string, Head>();
  #entities = 0;

  constructor(entitiesMax = usualEntitiesMax) {
    this.#entitiesMax = entitiesMax;
  }

  /**
   * The head of a set, locked for a write; absent when the set does not exist. What a writing
   * transaction reads may be its own, uncommitted work, so nothing is remembered here.
   */
  async lock(tx: Transaction, set: SetRef): Promise<Head | undefined> {
    const state = await lockSet(tx, set);
    return state && (this.#at(set, state) ?? load(tx, set, state));
  }

  /** The head of a set outside of a write: waits for no writer. */
  async current(db: Database, set: SetRef): Promise<Head | undefined> {
    const known = this.#heads.get(setKey(set));
    const state = await readSet(db, set);
    if (!state) return undefined;
    return this.#at(set, state) ?? this.#read(db, set, known);
  }

  /** Remembers a head once its transaction has committed. */
  put(set: SetRef, head: Head): void {
    const held = this.#heads.get(setKey(set));
    // By time, as revisions are counted again from below when the database was restored from a backup.
    const isNewer = !held || held.committedAtMs < head.committedAtMs || isLater(held, head);
    if (isNewer) this.#remember(set, head);
  }

  /** Replaces what was known ahead of the look; what a writer has put since is newer. */
  async #read(db: Database, set: SetRef, known: Head | undefined): Promise<Head | undefined> {
    const read = await db.snapshot(async (tx) => {
      const state = await readSet(tx, set);
      return state && { state, held: await readEntities(tx, set) };
    });
    const head = read && compileHead(read.state, read.held);
    if (head && this.#heads.get(setKey(set)) === known) this.#remember(set, head);
    return head;
  }

  #at(set: SetRef, state: SetState): Head | undefined {
    const key = setKey(set);
    const held = this.#heads.get(key);
    if (held?.revision !== state.revision || !equalHashes(held.stateHash, state.stateHash)) return undefined;
    this.#heads.delete(key);
    this.#heads.set(key, held);
    return held;
  }

  #remember(set: SetRef, head: Head): void {
    this.#forget(setKey(set));
    this.#heads.set(setKey(set), head);
    this.#entities += head.entities.size;
    for (const oldest of this.#heads.keys()) {
      if (this.#entities <= this.#entitiesMax || this.#heads.size === 1) return;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    this.#entities -= this.#heads.get(key)?.entities.size ?? 0;
    this.#heads.delete(key);
  }
}

const isLater = (held: Head, head: Head): boolean =>
  held.committedAtMs === head.committedAtMs && held.revision < head.revision;

async function load(tx: Transaction, set: SetRef, state: SetState): Promise<Head> {
  const held = await readEntities(tx, set);
  await allowTimeFor(tx, held.length);
  return compileHead(state, held);
}

const compileHead = ({ revision, stateHash, committedAtMs }: SetState, held: readonly Held[]): Head =>
  headOf(revision, stateHash, committedAtMs, held);
