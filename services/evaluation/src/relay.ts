import { equalHashes } from '@sluice/codec';
import { BinaryWriter, type SetRef, WireType } from '@sluice/proto';
import { type Applied, type Holdings, type ReplicaState, setKey, snapshotFrame } from '@sluice/replica';
import { frameBytesKept, framesKept, snapshotKeptMs } from './limits.js';

/** A revision that somebody holds, with its proof. */
export interface Place {
  readonly revision: number;
  readonly stateHash: Uint8Array;
}

/** One change, encoded once for all readers. */
interface KeptFrame {
  readonly from: Place;
  readonly to: Place;
  readonly message: Uint8Array;
}

interface KeptSnapshot {
  readonly revision: number;
  readonly message: Uint8Array;
  readonly timer: NodeJS.Timeout;
}

/**
 * Hands the frames that this evaluator applied on to those who evaluate for themselves. Frames
 * and snapshots are the bytes that config wrote, wrapped once and shared by all readers.
 */
export class Relay {
  readonly #holdings: Holdings;
  readonly #frames = new Map<string, KeptFrame[]>();
  readonly #snapshots = new Map<string, KeptSnapshot>();

  constructor(holdings: Holdings) {
    this.#holdings = holdings;
  }

  /** Keeps a change for readers to come. */
  add({ delta, state }: Applied): void {
    const key = setKey(state.set);
    this.#forgetSnapshot(key);
    // A set that was not held before has no readers that a delta could help.
    if (delta.previousRevision === 0) return;
    const kept = this.#frames.get(key) ?? [];
    this.#frames.set(key, kept);
    kept.push({
      from: { revision: delta.previousRevision, stateHash: delta.previousStateHash },
      to: { revision: delta.revision, stateHash: delta.stateHash },
      message: wrapFrame(delta.bytes),
    });
    trim(kept);
  }

  /**
   * What somebody at a place needs to hold the state: nothing, the frames missed, or a snapshot. A
   * reader that is ahead, because a fresher evaluator served it before, gets nothing until we are there.
   */
  since(state: ReplicaState, place: Place): { messages: readonly Uint8Array[]; place: Place } {
    if (place.revision > state.revision || isSame(place, state)) return { messages: [], place };
    const kept = this.#frames.get(setKey(state.set)) ?? [];
    const first = kept.findIndex(({ from }) => isSame(from, place));
    const last = kept.at(-1);
    if (first >= 0 && last && isSame(last.to, state)) {
      return { messages: kept.slice(first).map(({ message }) => message), place: state };
    }
    return { messages: [this.snapshot(state)], place: state };
  }

  /** The whole state, as the bytes of both GetRulesetResponse and WatchRulesetResponse. */
  snapshot(state: ReplicaState): Uint8Array {
    const key = setKey(state.set);
    const kept = this.#snapshots.get(key);
    if (kept?.revision === state.revision) return kept.message;
    this.#forgetSnapshot(key);
    const message = wrapFrame(snapshotFrame(state).bytes);
    const timer = setTimeout(() => this.#snapshots.delete(key), snapshotKeptMs).unref();
    this.#snapshots.set(key, { revision: state.revision, message, timer });
    return message;
  }

  /** Resolves when a set has passed a revision, after `timeoutMs`, or when `signal` aborts. */
  async changed(set: SetRef, revision: number, timeoutMs: number, signal: AbortSignal): Promise<void> {
    await this.#holdings.waitFor(set, revision + 1, timeoutMs, signal);
  }

  close(): void {
    for (const key of [...this.#snapshots.keys()]) this.#forgetSnapshot(key);
  }

  #forgetSnapshot(key: string): void {
    clearTimeout(this.#snapshots.get(key)?.timer);
    this.#snapshots.delete(key);
  }
}

function isSame(left: Place, right: Place): boolean {
  return left.revision === right.revision && equalHashes(left.stateHash, right.stateHash);
}

function trim(kept: KeptFrame[]): void {
  let bytes = kept.reduce((sum, { message }) => sum + message.length, 0);
  while (kept.length > framesKept || (bytes > frameBytesKept && kept.length > 0)) {
    bytes -= kept.shift()?.message.length ?? 0;
  }
}

const frameTag = (1 << 3) | WireType.LengthDelimited;

/** Both answers that carry a frame carry it in field 1, so that one wrapping serves both. */
export function wrapFrame(bytes: Uint8Array): Uint8Array {
  return new BinaryWriter().uint32(frameTag).bytes(bytes).finish();
}
