import { createHash } from 'node:crypto';

/** One line of the audit log, before it is chained. */
export interface AuditEntry {
  readonly project: string;
  readonly environment: string;
  readonly revision: number;
  /** Unix milliseconds. */
  readonly atMs: number;
  readonly author: string;
  readonly reason: string;
  /** JSON text: for each entity its key with the hash before and after. */
  readonly changes: string;
}

/** What the first line of a set is chained to. */
export const firstHash: Buffer = Buffer.alloc(32);

/** Hash of a line: over its content and the hash before it, so that no line can be changed or taken out unnoticed. */
export function chainHash(previous: Uint8Array, entry: AuditEntry): Buffer {
  const { project, environment, revision, atMs, author, reason, changes } = entry;
  const content = JSON.stringify([project, environment, revision, atMs, author, reason, changes]);
  return createHash('sha256').update(previous).update(content).digest();
}
