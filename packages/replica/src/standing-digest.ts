import { createHash } from 'node:crypto';
import type { SetRef } from '@sluice/proto';
import { setKey } from './holdings.js';

interface At {
  readonly set: SetRef;
  readonly revision: number;
  readonly stateHash: Uint8Array;
}

/**
 * One hash over what is newest of every set that has a revision: two who have the same hold the
 * same of everything. A line each, by set: `<project>/<environment> <revision> <state hash in hex>`.
 */
export function standingDigest(sets: Iterable<At>): Buffer {
  const lines = [...sets]
    .filter(({ revision }) => revision > 0)
    .map(({ set, revision, stateHash }) => `${setKey(set)} ${revision} ${Buffer.from(stateHash).toString('hex')}\n`)
    .sort();
  const hash = createHash('sha256');
  for (const line of lines) hash.update(line);
  return hash.digest();
}
