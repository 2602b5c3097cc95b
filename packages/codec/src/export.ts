import type { Ruleset } from '@sluice/engine';
import type { StateHash } from './state-hash.js';

/** The revision that an exported ruleset is of. */
export interface ExportedRevision {
  readonly stateHash: StateHash;
  /** Unix milliseconds. */
  readonly committedAtMs: number;
}

/**
 * A ruleset as other systems' SDKs are to get it. They take a new document only when its `time` is
 * no earlier than that of the one they hold and its `checksum` is another: so the time is that of
 * our revision, unless the imported document claims to be from later, and the checksum follows
 * the content. No rule looks at either, so that answers stay what they were. The time of the
 * imported document is part of the state like everything else, and stays as it is.
 */
export function exportedRuleset(ruleset: Ruleset, { stateHash, committedAtMs }: ExportedRevision): Ruleset {
  const checksum = JSON.stringify(Buffer.from(stateHash).toString('hex'));
  const settings = new Map([...ruleset.settings, ['checksum', checksum] as const]);
  return { ...ruleset, time: Math.max(ruleset.time, Math.trunc(committedAtMs)), settings };
}
