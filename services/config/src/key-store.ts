import type { Queryable, Statement } from '@sluice/postgres';
import type { KeyGrant } from '@sluice/proto';

const statement = (name: string, text: string): Statement => ({ name: `config_${name}`, text });

const lockGrants = statement('lock_grants', `select pg_advisory_xact_lock(hashtext('config.grants'))`);

/**
 * Keeps out every other transaction that grants keys or makes sets: a key must reach each set
 * that it covers, whichever of the two came first.
 */
export async function lockKeys(tx: Queryable): Promise<void> {
  await tx.query(lockGrants);
}

const insertKey = statement(
  'insert_key',
  `insert into config.sdk_key (digest, key_class, project, environment, can_write, label, changed_by)
    values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing returning digest`,
);

/** @returns whether it is new. */
export async function createKey(tx: Queryable, digest: string, grant: KeyGrant, by: string): Promise<boolean> {
  const { keyClass, project, environment, canWrite, label } = grant;
  return (await tx.query(insertKey, [digest, keyClass, project, environment, canWrite, label, by])).length > 0;
}

const keyColumns = `digest, key_class, project, environment, can_write, label, created_at, version, archived_at,
    changed_at, changed_by`;

const selectKeys = statement('select_keys', `select ${keyColumns} from config.sdk_key order by created_at, digest`);

interface KeyRow {
  readonly digest: string;
  readonly key_class: KeyGrant['keyClass'];
  readonly project: string;
  readonly environment: string;
  readonly can_write: boolean;
  readonly label: string;
  readonly created_at: Date;
  readonly version: number;
  readonly archived_at: Date | null;
  readonly changed_at: Date | null;
  readonly changed_by: string;
}

export interface StoredKey {
  readonly digest: string;
  readonly grant: KeyGrant;
  /** Unix milliseconds. */
  readonly createdAtMs: number;
  readonly version: number;
  /** When it was revoked, Unix milliseconds; undefined for a key that lets its holder in. */
  readonly archivedAtMs: number | undefined;
  /** Unix milliseconds. */
  readonly changedAtMs: number;
  /** Label of the key that made the last change; empty when it is not known. */
  readonly changedBy: string;
}

/** All keys, also revoked ones. */
export async function listKeys(db: Queryable): Promise<StoredKey[]> {
  return (await db.query<KeyRow>(selectKeys)).map(keyOf);
}

function keyOf(row: KeyRow): StoredKey {
  return {
    digest: row.digest,
    createdAtMs: row.created_at.getTime(),
    version: row.version,
    archivedAtMs: row.archived_at?.getTime(),
    changedAtMs: (row.changed_at ?? row.created_at).getTime(),
    changedBy: row.changed_by,
    grant: {
      keyClass: row.key_class,
      project: row.project,
      environment: row.environment,
      canWrite: row.can_write,
      label: row.label,
    },
  };
}

/** Who changes a key, and when. */
export interface Authored {
  readonly by: string;
  /** Unix milliseconds. */
  readonly atMs: number;
}

const updateLabel = statement(
  'update_key_label',
  `update config.sdk_key set label = $2, version = version + 1, changed_at = $3, changed_by = $4
    where digest = $1`,
);

const updateArchivedKey = statement(
  'update_key_archived',
  `update config.sdk_key set archived_at = case when $2::boolean then $3::timestamptz end, version = version + 1,
      changed_at = $3, changed_by = $4 where digest = $1`,
);

export async function labelKey(tx: Queryable, digest: string, label: string, { by, atMs }: Authored): Promise<void> {
  await tx.query(updateLabel, [digest, label, new Date(atMs), by]);
}

/** Revokes a key, or lets it in again. */
export async function archiveKey(tx: Queryable, digest: string, isArchived: boolean, { by, atMs }: Authored) {
  await tx.query(updateArchivedKey, [digest, isArchived, new Date(atMs), by]);
}
