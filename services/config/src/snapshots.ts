import { equalHashes } from '@sluice/codec';
import { type SetRef, WatchRulesetResponse } from '@sluice/proto';
import type { Head } from './head.js';
import { setKey } from './names.js';

/** How long an encoded snapshot is kept for the next readers, in milliseconds. */
const keptMs = 10_000;

interface Kept {
  readonly head: Head;
  readonly lineage: string | undefined;
  readonly message: Uint8Array;
  readonly timer: NodeJS.Timeout;
}

/** Whole rulesets as bytes, encoded once for all who want the same one at about the same time. */
export class Snapshots {
  readonly #kept = new Map<string, Kept>();

  /** Bytes of both GetRulesetResponse and WatchRulesetResponse: both carry a frame in the same field. */
  messageOf(set: SetRef, head: Head, lineage: string | undefined): Uint8Array {
    const key = setKey(set);
    const kept = this.#kept.get(key);
    if (kept && isSame(kept.head, head) && kept.lineage === lineage) return kept.message;
    clearTimeout(kept?.timer);
    const message = encode(set, head, lineage);
    const timer = setTimeout(() => this.#kept.delete(key), keptMs).unref();
    this.#kept.set(key, { head, lineage, message, timer });
    return message;
  }
}

function isSame(left: Head, right: Head): boolean {
  return left.revision === right.revision && equalHashes(left.stateHash, right.stateHash);
}

function encode(set: SetRef, head: Head, lineage: string | undefined): Uint8Array {
  const value = {
    set,
    revision: head.revision,
    previousRevision: 0,
    stateHash: Buffer.from(head.stateHash),
    previousStateHash: Buffer.alloc(0),
    committedAtMs: head.committedAtMs,
    upserts: Array.from(head.entities.values(), ({ entity }) => entity),
    deletions: [],
    isElided: false,
    lineage,
  };
  return WatchRulesetResponse.encode({ item: { $case: 'frame', value } }).finish();
}
