import { covers } from '@sluice/mesh';
import type { Queryable } from '@sluice/postgres';
import { Entity, KeyGrant, type SetRef } from '@sluice/proto';
import type { AuditCheck } from './audit-check.js';
import { listKeys, type StoredKey } from './key-store.js';

interface BrokenKey {
  /** The line that spoke of the key last; the last line of all for a key that none speaks of. */
  readonly revision: number;
  readonly problem: string;
}

/**
 * Holds the keys that config lets in against those that the set's log granted: a key counts here
 * by its row, so that a changed row would let somebody do what no line says. Finds the earliest line.
 */
export async function findBrokenKey(tx: Queryable, set: SetRef, check: AuditCheck): Promise<BrokenKey | undefined> {
  const stored = new Map((await listKeys(tx)).map((key) => [key.digest, key]));
  const broken: BrokenKey[] = [];
  for (const { name, bytes, revision } of check.keys()) {
    const problem = problemOf(set, Entity.decode(bytes), stored.get(name));
    stored.delete(name);
    if (problem) broken.push({ revision, problem: `the key ${shorten(name)} ${problem}` });
  }
  for (const { digest, grant, archivedAtMs } of stored.values()) {
    if (archivedAtMs !== undefined || !covers(grant, set)) continue;
    const revision = check.revokedIn(digest);
    const line = revision === undefined ? 'no line grants it' : `the line of revision ${revision} revokes it`;
    broken.push({ revision: revision ?? check.revision, problem: `the key ${shorten(digest)} is let in, but ${line}` });
  }
  return broken.sort((a, b) => a.revision - b.revision)[0];
}

const shorten = (digest: string): string => `${digest.slice(0, 12)}…`;

function problemOf(set: SetRef, { body }: Entity, stored: StoredKey | undefined): string | undefined {
  if (!stored) return 'is granted by the log, and gone from the keys';
  if (stored.archivedAtMs !== undefined) return 'is granted by the log, and revoked in the keys';
  const isSame = body?.$case === 'key' && Buffer.compare(bytesOf(body.value), bytesOf(stored.grant)) === 0;
  return isSame && covers(stored.grant, set) ? undefined : 'has another grant than the log says';
}

const bytesOf = (grant: KeyGrant): Uint8Array => KeyGrant.encode(grant).finish();
