import { equalHashes } from '@sluice/codec';
import { Turnstile } from '@sluice/mesh';
import { BinaryWriter, Heartbeat, type SetRef, WatchRulesetResponse, WireType } from '@sluice/proto';
import {
  type Applied,
  compareLineage,
  type Holdings,
  type ReplicaState,
  type Standing,
  setKey,
  snapshotFrame,
} from '@sluice/replica';
import { frameBytesKept, framesKept, heartbeatSharedMs, readersPerTurn, snapshotKeptMs } from './limits.js';

/** A revision that somebody holds, with its proof. */
export interface Place {
  readonly revision: number;
  readonly stateHash: Uint8Array;
  /** Empty or absent when not known. */
  readonly lineage?: string | undefined;
}

/** What a reader needs next, and where it stands afterwards. */
export interface Next {
  readonly messages: readonly Uint8Array[];
  readonly place: Place;
  /** The first message is a snapshot, which may be large. */
  readonly isSnapshot: boolean;
}

/** When and in which trace a change was applied here. */
export interface AppliedHere {
  /** Unix milliseconds with fractions. */
  readonly atMs: number;
  readonly traceparent: string | undefined;
}

/** One change, encoded once for all readers. */
interface KeptFrame {
  readonly from: Place;
  readonly to: Place;
  readonly message: Uint8Array;
}

interface KeptHeartbeat {
  readonly revision: number;
  readonly nowMs: number;
  readonly message: Uint8Array;
}

interface KeptSnapshot {
  readonly at: Place;
  readonly message: Uint8Array;
  readonly timer: NodeJS.Timeout;
}

/**
 * Hands the frames that this evaluator applied on to those who evaluate for themselves. Frames
 * and snapshots are the bytes that config wrote, wrapped once and shared by all readers.
 */
export class Relay {
  readonly #turnstile = new Turnstile(readersPerTurn);
  readonly #holdings: Holdings;
  readonly #frames = new Map<string, KeptFrame[]>();
  readonly #snapshots = new Map<string, KeptSnapshot>();
  readonly #heartbeats = new Map<string, KeptHeartbeat>();
  readonly #watchers = new Map<string, number>();

  constructor(holdings: Holdings) {
    this.#holdings = holdings;
  }

  /** Open streams by set, as `<project>/<environment>`. */
  watchers(): ReadonlyMap<string, number> {
    return this.#watchers;
  }

  /** Counts one more reader of a set. @returns what counts it out again. */
  enter(set: SetRef): () => void {
    const key = setKey(set);
    this.#watchers.set(key, (this.#watchers.get(key) ?? 0) + 1);
    return () => this.#watchers.set(key, (this.#watchers.get(key) ?? 1) - 1);
  }

  /** Keeps a change for readers to come. */
  add({ delta, state }: Pick<Applied, 'delta' | 'state'>, applied?: AppliedHere): void {
    const key = setKey(state.set);
    // A set that was not held before, or was counted anew, has no readers that a delta could help.
    if (delta.previousRevision === 0) {
      this.#frames.delete(key);
      this.#forgetSnapshot(key);
      return;
    }
    const kept = this.#frames.get(key) ?? [];
    this.#frames.set(key, kept);
    kept.push({
      from: { revision: delta.previousRevision, stateHash: delta.previousStateHash },
      to: { revision: delta.revision, stateHash: delta.stateHash },
      message: wrapFrame(delta.bytes, applied),
    });
    trim(kept);
  }

  /**
   * What somebody at a place needs to hold the state: nothing, the frames missed, or a snapshot. A
   * reader that is ahead, because a fresher evaluator served it before, gets nothing until we are there.
   */
  since(state: ReplicaState, place: Place): Next {
    const lineage = compareLineage(place.lineage ?? '', state.lineage);
    if (lineage === 'later') return this.#fromSnapshot(state);
    const isAhead = lineage === 'earlier' || place.revision > state.revision;
    if (isAhead || isSame(place, state)) return { messages: [], place, isSnapshot: false };
    const messages = this.#framesFrom(place, state);
    return messages ? { messages, place: state, isSnapshot: false } : this.#fromSnapshot(state);
  }

  /** The frames that lead from a place to the state; undefined when they are not kept any more. */
  #framesFrom(place: Place, state: ReplicaState): Uint8Array[] | undefined {
    const kept = this.#frames.get(setKey(state.set)) ?? [];
    const first = kept.findIndex(({ from }) => isSame(from, place));
    const last = kept.at(-1);
    const leadsThere = first >= 0 && last !== undefined && isSame(last.to, state);
    return leadsThere ? kept.slice(first).map(({ message }) => message) : undefined;
  }

  /** A snapshot of a moment ago with the changes since serves as well as a new one, and costs nothing. */
  #fromSnapshot(state: ReplicaState): Next {
    const kept = this.#snapshots.get(setKey(state.set));
    const since = kept && this.#framesFrom(kept.at, state);
    const messages = kept && since ? [kept.message, ...since] : [this.snapshot(state)];
    return { messages, place: state, isSnapshot: true };
  }

  /** A sign of life with what is held, written once for all readers of one moment. */
  heartbeat({ state, ageMs }: Standing, nowMs: number): Uint8Array {
    const key = setKey(state.set);
    const kept = this.#heartbeats.get(key);
    const isOfNow = kept && kept.revision === state.revision && Math.abs(nowMs - kept.nowMs) < heartbeatSharedMs;
    if (isOfNow) return kept.message;
    const { revision, stateHash, lineage } = state;
    const value = Heartbeat.create({ revision, stateHash: Buffer.from(stateHash), nowMs, ageMs });
    if (lineage !== '') value.lineage = lineage;
    const message = WatchRulesetResponse.encode({ item: { $case: 'heartbeat', value } }).finish();
    this.#heartbeats.set(key, { revision, nowMs, message });
    return message;
  }

  /** The whole state, as the bytes of both GetRulesetResponse and WatchRulesetResponse. */
  snapshot(state: ReplicaState): Uint8Array {
    const key = setKey(state.set);
    const kept = this.#snapshots.get(key);
    if (kept && isSame(kept.at, state)) return kept.message;
    this.#forgetSnapshot(key);
    const message = wrapFrame(snapshotFrame(state).bytes);
    const timer = setTimeout(() => this.#snapshots.delete(key), snapshotKeptMs).unref();
    const { revision, stateHash } = state;
    this.#snapshots.set(key, { at: { revision, stateHash }, message, timer });
    return message;
  }

  /** Resolves when a set has passed a revision, after `timeoutMs`, or when `signal` aborts. */
  async changed(set: SetRef, revision: number, timeoutMs: number, signal: AbortSignal): Promise<void> {
    await this.#holdings.waitFor(set, revision + 1, timeoutMs, signal);
    await this.#turnstile.pass();
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
export function wrapFrame(bytes: Uint8Array, applied?: AppliedHere): Uint8Array {
  const writer = new BinaryWriter().uint32(frameTag).bytes(bytes);
  if (!applied) return writer.finish();
  const { atMs, traceparent } = applied;
  return WatchRulesetResponse.encode({ item: undefined, appliedAtMs: atMs, traceparent }, writer).finish();
}
