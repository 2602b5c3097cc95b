import { entityKey } from '@sluice/codec';
import { notFound } from '@sluice/mesh';
import type { Queryable } from '@sluice/postgres';
import type { Entity, EntityRef, SetRef } from '@sluice/proto';
import type { Head } from './head.js';
import { readAuthorship } from './revision-store.js';
import { versionConflict } from './version-conflict.js';

/** An entity that a caller wants to change, as it saw it. */
export interface Expectation {
  readonly ref: EntityRef;
  /** Undefined to skip the check; 0 when the entity must not be there. */
  readonly expectedVersion: number | undefined;
  /** The request's field that holds the version. */
  readonly field: string;
  /** What the caller wants it to be, for the difference. */
  readonly yours?: Entity | undefined;
}

/**
 * Refuses a change to what somebody else changed first.
 * @throws SluiceError `conflict` with both sides, `not_found` when a version is expected of
 * what does not exist.
 */
export async function refuseClash(
  db: Queryable,
  set: SetRef,
  head: Head,
  expectations: Iterable<Expectation>,
): Promise<void> {
  for (const { ref, expectedVersion: expected, field, yours } of expectations) {
    if (expected === undefined) continue;
    const held = head.entities.get(entityKey(ref));
    if (held && held.entity.version !== expected) {
      throw versionConflict(field, held, expected, await readAuthorship(db, set, ref, expected), yours);
    }
    if (held || expected === 0) continue;
    throw notFound(field, `there is no ${entityKey(ref)}, so it is not at version ${expected}; expect 0 to create it`);
  }
}
