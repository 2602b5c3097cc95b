import type { Queryable, Statement } from '@sluice/postgres';
import type { SetRef } from '@sluice/proto';
import { setKey } from './names.js';

/**
 * Which history a set's revisions belong to: when its first revision was made, and the beginning
 * of that revision's hash in the audit log. A database that was made anew counts from 1 in another
 * lineage, while one that was restored goes on in its own. Later lineages sort after earlier ones.
 */
const selectLineages: Statement = {
  name: 'config_select_lineages',
  text: `select audit.project, audit.environment, audit.at, audit.hash
    from config.environment join config.audit
      on audit.project = environment.project and audit.environment = environment.name and audit.revision = 1`,
};

const selectLineage: Statement = {
  name: 'config_select_lineage',
  text: 'select at, hash from config.audit where project = $1 and environment = $2 and revision = 1',
};

interface FirstRow {
  readonly at: Date;
  readonly hash: Buffer;
}

/** Eleven digits of base 36 hold any time to come, so that texts sort as times do. */
function lineageOf({ at, hash }: FirstRow): string {
  return `${at.getTime().toString(36).padStart(11, '0')}-${hash.toString('hex', 0, 8)}`;
}

/** The lineage of a set; undefined before its first revision. */
export async function readLineage(db: Queryable, set: SetRef): Promise<string | undefined> {
  const [first] = await db.query<FirstRow>(selectLineage, [set.project, set.environment]);
  return first && lineageOf(first);
}

/** The lineage of every set that has a revision, by `setKey`. */
export async function readLineages(db: Queryable): Promise<ReadonlyMap<string, string>> {
  const rows = await db.query<FirstRow & SetRef>(selectLineages);
  return new Map(rows.map((row) => [setKey(row), lineageOf(row)]));
}
