import { diffEntities, entityKey } from '@sluice/codec';
import type { FieldProblem, SluiceError } from '@sluice/mesh';
import type { Entity } from '@sluice/proto';
import { conflictOf, difference, shown } from './both-sides.js';
import type { Held } from './head.js';

/** Who wrote a version, and when. */
export interface Authorship {
  readonly author: string;
  readonly revision: number;
  /** Unix milliseconds. */
  readonly atMs: number;
}

const spell = ({ author, revision, atMs }: Authorship): string =>
  `${JSON.stringify(author)} wrote it in revision ${revision} at ${new Date(atMs).toISOString()}`;

/**
 * The entity is not at the version that the caller looked at: who wrote which, and what differs
 * between the caller's entity, where there is one, and the stored one.
 */
export function versionConflict(
  field: string,
  held: Held,
  expected: number,
  expectedBy: Authorship | undefined,
  yours: Entity | undefined,
): SluiceError {
  const { entity, changedBy, changedInRevision, changedAtMs } = held;
  const stored = spell({ author: changedBy, revision: changedInRevision, atMs: changedAtMs });
  const before = expectedBy ? ` (version ${expected}: ${spell(expectedBy)})` : '';
  const key = entityKey(entity).slice(0, 200);
  const now =
    expected === 0
      ? `${key} exists already, at version ${entity.version}: ${stored}`
      : `${key} is at version ${entity.version}, not ${expected}: ${stored}${before}`;
  return conflictOf(field, now, yours ? differencesOf(held.entity, yours) : []);
}

/** Where the caller's entity is not the stored one. */
export function differencesOf(stored: Entity, yours: Entity): FieldProblem[] {
  const key = entityKey(stored).slice(0, 200);
  const { fields } = diffEntities(stored, yours, shown);
  return fields.map(({ path, before, after }) => difference(`${key} ${path}`, after, before));
}
