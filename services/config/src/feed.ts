import { equalHashes } from '@sluice/codec';
import { notFound } from '@sluice/mesh';
import type { Queryable } from '@sluice/postgres';
import { type Frame, type SetRef, WatchRulesetResponse } from '@sluice/proto';
import { compareLineage } from '@sluice/replica';
import { readLineage } from './lineage.js';
import { setKey } from './names.js';
import { framesKept, readFrames } from './outbox.js';
import { readSet } from './store.js';

/** A revision that somebody holds, with its proof. */
export interface Place {
  readonly revision: number;
  readonly stateHash: Uint8Array;
  /** Absent when not known. */
  readonly lineage?: string | undefined;
}

/** What leads from one place to another. */
interface KeptFrame {
  readonly from: Place;
  readonly to: Place;
  /** As a WatchRulesetResponse; undefined for one whose entities were too many for the bus. */
  readonly message: Uint8Array | undefined;
}

/** A NOTIFY is lost while the listening connection is away: the set is looked at again after this long. In milliseconds. */
const lookEveryMs = 1_000;

/** Where one set stands, and its last frames, for all who watch it. */
export class Feed {
  readonly #db: Queryable;
  readonly #set: SetRef;
  #frames: KeptFrame[] = [];
  #standing: Place | undefined;
  #reading: Promise<void> = Promise.resolve();
  #isSpoiled = true;
  #readAtMs = 0;

  constructor(db: Queryable, set: SetRef) {
    this.#db = db;
    this.#set = set;
  }

  /** What was read may not be the newest any more. */
  spoil(): void {
    this.#isSpoiled = true;
  }

  /** Where the set stands. All who ask after the same change wait for the same look. @throws SluiceError `not_found`. */
  async standing(): Promise<Place> {
    const now = performance.now();
    if (this.#isSpoiled || now - this.#readAtMs >= lookEveryMs) {
      this.#isSpoiled = false;
      this.#readAtMs = now;
      this.#reading = this.#reading.catch(() => undefined).then(() => this.#read());
      this.#reading.catch(() => this.spoil());
    }
    await this.#reading;
    if (this.#standing) return this.#standing;
    throw notFound('set', `${setKey(this.#set)} does not exist; import or apply a ruleset to create it`);
  }

  /** What leads from a place to where the set stands, and that place; undefined when only a snapshot does. */
  since(place: Place): { readonly messages: readonly Uint8Array[]; readonly place: Place } | undefined {
    const standing = this.#standing;
    if (!standing || place.revision === 0 || compareLineage(place.lineage ?? '', standing.lineage) !== 'same') {
      return undefined;
    }
    if (isSame(place, standing)) return { messages: [], place: standing };
    const first = this.#frames.findIndex(({ from }) => isSame(from, place));
    const messages = first < 0 ? [] : this.#frames.slice(first).flatMap(({ message }) => message ?? []);
    const isWhole = first >= 0 && messages.length === this.#frames.length - first;
    const last = this.#frames.at(-1);
    return isWhole && last && isSame(last.to, standing) ? { messages, place: standing } : undefined;
  }

  async #read(): Promise<void> {
    const set = this.#set;
    const [state, lineage] = await Promise.all([readSet(this.#db, set), readLineage(this.#db, set)]);
    let frames = this.#frames;
    // The database may have gone back to a backup: what follows must follow from what is held.
    if (state && !leadsOn(frames, state)) frames = [];
    let fresh = await readFrames(this.#db, set, frames.at(-1)?.to.revision ?? 0);
    if (!isNext(frames, fresh)) {
      frames = [];
      fresh = await readFrames(this.#db, set, 0);
    }
    this.#frames = chainOf([...frames, ...fresh.map(keptFrame)]);
    const last = this.#frames.at(-1)?.to;
    // Frames are read after the row: they may be ahead of it.
    const at = last && state && last.revision > state.revision ? last : state;
    this.#standing = at && { revision: at.revision, stateHash: at.stateHash, lineage };
  }
}

function isSame(left: Place, right: Place): boolean {
  return left.revision === right.revision && equalHashes(left.stateHash, right.stateHash);
}

/** Whether the set may have come to where it stands by the frames held. */
function leadsOn(frames: readonly KeptFrame[], state: Place): boolean {
  const last = frames.at(-1)?.to;
  return !last || last.revision < state.revision || isSame(last, state);
}

function isNext(frames: readonly KeptFrame[], [next]: readonly Frame[]): boolean {
  const last = frames.at(-1)?.to;
  if (!last || !next) return true;
  return isSame(last, { revision: next.previousRevision, stateHash: next.previousStateHash });
}

function keptFrame(frame: Frame): KeptFrame {
  const { revision, stateHash, previousRevision, previousStateHash, isElided } = frame;
  return {
    from: { revision: previousRevision, stateHash: previousStateHash },
    to: { revision, stateHash },
    message: isElided ? undefined : WatchRulesetResponse.encode({ item: { $case: 'frame', value: frame } }).finish(),
  };
}

/** The last frames, as far as each follows from the one before it. */
function chainOf(frames: readonly KeptFrame[]): KeptFrame[] {
  const kept = frames.slice(-framesKept);
  const gap = kept.findLastIndex(({ from }, at) => at > 0 && !isSame(from, kept[at - 1]?.to ?? from));
  return gap < 0 ? kept : kept.slice(gap);
}
