import { emptyStateHash, sectionOf } from '@sluice/codec';
import type { Queryable, Statement } from '@sluice/postgres';
import { Entity, type EntityRef, type KeyGrant, type SetRef, type SetState } from '@sluice/proto';
import { type AuditEntry, chainHash, firstHash } from './audit.js';
import type { Head, Held, Moment } from './head.js';

const statement = (name: string, text: string): Statement => ({ name: `config_${name}`, text });

const insertProject = statement(
  'insert_project',
  'insert into config.project (name) values ($1) on conflict do nothing returning name',
);

/** @returns whether it is new. */
export async function createProject(tx: Queryable, project: string): Promise<boolean> {
  return (await tx.query(insertProject, [project])).length > 0;
}

const insertEnvironment = statement(
  'insert_environment',
  `insert into config.environment (project, name, state_hash) values ($1, $2, $3)
    on conflict do nothing returning name`,
);

/** @returns whether it is new. The project must exist. */
export async function createEnvironment(tx: Queryable, set: SetRef): Promise<boolean> {
  return (await tx.query(insertEnvironment, [set.project, set.environment, emptyStateHash()])).length > 0;
}

interface SetRow {
  readonly project: string;
  readonly name: string;
  readonly revision: bigint;
  readonly state_hash: Buffer;
  readonly committed_at: Date;
}

function stateOf(row: SetRow): SetState & { set: SetRef } {
  return {
    set: { project: row.project, environment: row.name },
    revision: Number(row.revision),
    stateHash: row.state_hash,
    committedAtMs: row.committed_at.getTime(),
  };
}

const selectSets = statement(
  'select_sets',
  'select project, name, revision, state_hash, committed_at from config.environment order by project, name',
);

export async function listSets(db: Queryable): Promise<(SetState & { set: SetRef })[]> {
  return (await db.query<SetRow>(selectSets)).map(stateOf);
}

const selectSet = statement(
  'select_set',
  `select project, name, revision, state_hash, committed_at from config.environment
    where project = $1 and name = $2 for share`,
);
const lockSet = statement('lock_set', selectSet.text.replace('for share', 'for update'));

/** Where a set stands; `isWriting` also keeps every other writer out until the transaction ends. */
export async function readSet(tx: Queryable, set: SetRef, isWriting: boolean): Promise<SetState | undefined> {
  const rows = await tx.query<SetRow>(isWriting ? lockSet : selectSet, [set.project, set.environment]);
  return rows[0] && stateOf(rows[0]);
}

const selectEntities = statement(
  'select_entities',
  `select body, changed_in_revision, changed_at, changed_by from config.entity
    where project = $1 and environment = $2 order by section, name`,
);

interface EntityRow {
  readonly body: Buffer;
  readonly changed_in_revision: bigint;
  readonly changed_at: Date;
  readonly changed_by: string;
}

export async function readEntities(tx: Queryable, set: SetRef): Promise<Held[]> {
  const rows = await tx.query<EntityRow>(selectEntities, [set.project, set.environment]);
  return rows.map((row) => ({
    entity: Entity.decode(row.body),
    changedInRevision: Number(row.changed_in_revision),
    changedAtMs: row.changed_at.getTime(),
    changedBy: row.changed_by,
  }));
}

const updateSet = statement(
  'update_set',
  `update config.environment set revision = $3, state_hash = $4, committed_at = $5
    where project = $1 and name = $2`,
);

const insertRevision = statement(
  'insert_revision',
  `insert into config.revision (project, environment, revision, state_hash, committed_at, author, reason)
    values ($1, $2, $3, $4, $5, $6, $7)`,
);

const upsertEntities = statement(
  'upsert_entities',
  `insert into config.entity
      (project, environment, section, name, body, changed_in_revision, changed_at, changed_by)
    select $1, $2, section, name, body, $6, $7, $8 from unnest($3::integer[], $4::text[], $5::bytea[])
      as changed (section, name, body)
    on conflict (project, environment, section, name) do update set
      body = excluded.body, changed_in_revision = excluded.changed_in_revision,
      changed_at = excluded.changed_at, changed_by = excluded.changed_by`,
);

const deleteEntities = statement(
  'delete_entities',
  `delete from config.entity using unnest($3::integer[], $4::text[]) as gone (section, name)
    where project = $1 and environment = $2 and entity.section = gone.section and entity.name = gone.name`,
);

const insertVersions = statement(
  'insert_versions',
  `insert into config.entity_version (project, environment, revision, section, name, body)
    select $1, $2, $3, section, name, body from unnest($4::integer[], $5::text[], $6::bytea[])
      as changed (section, name, body)`,
);

export interface Revision {
  readonly set: SetRef;
  readonly head: Head;
  readonly upserts: readonly Entity[];
  readonly deletions: readonly EntityRef[];
  readonly moment: Moment;
  readonly reason: string;
}

/** Writes a revision: the set's row, the revision's, the entities and their history. */
export async function writeRevision(tx: Queryable, { set, head, upserts, deletions, moment, reason }: Revision) {
  const key = [set.project, set.environment];
  const at = new Date(moment.nowMs);
  const sections = upserts.map(sectionOf);
  const names = upserts.map(({ name }) => name);
  const bodies = upserts.map((entity) => Buffer.from(Entity.encode(entity).finish()));
  const goneSections = deletions.map(({ section }) => section);
  const goneNames = deletions.map(({ name }) => name);
  await tx.query(updateSet, [...key, head.revision, head.stateHash, at]);
  await tx.query(insertRevision, [...key, head.revision, head.stateHash, at, moment.author, reason]);
  if (upserts.length > 0) {
    await tx.query(upsertEntities, [...key, sections, names, bodies, head.revision, at, moment.author]);
  }
  if (deletions.length > 0) await tx.query(deleteEntities, [...key, goneSections, goneNames]);
  await tx.query(insertVersions, [
    ...key,
    head.revision,
    [...sections, ...goneSections],
    [...names, ...goneNames],
    [...bodies, ...deletions.map(() => null)],
  ]);
}

const selectLastAudit = statement(
  'select_last_audit',
  'select hash from config.audit where project = $1 and environment = $2 order by revision desc limit 1',
);

const insertAudit = statement(
  'insert_audit',
  `insert into config.audit
      (project, environment, revision, at, author, reason, changes, previous_hash, hash)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
);

/** Chains a line to the set's audit log. The set's row must be locked. */
export async function writeAudit(tx: Queryable, entry: AuditEntry): Promise<void> {
  const { project, environment, revision, atMs, author, reason, changes } = entry;
  const [last] = await tx.query<{ hash: Buffer }>(selectLastAudit, [project, environment]);
  const previous = last?.hash ?? firstHash;
  await tx.query(insertAudit, [
    ...[project, environment, revision, new Date(atMs), author, reason, changes],
    ...[previous, chainHash(previous, entry)],
  ]);
}

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
  `insert into config.sdk_key (digest, key_class, project, environment, can_write, label)
    values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning digest`,
);

/** @returns whether it is new. */
export async function createKey(tx: Queryable, digest: string, grant: KeyGrant): Promise<boolean> {
  const { keyClass, project, environment, canWrite, label } = grant;
  return (await tx.query(insertKey, [digest, keyClass, project, environment, canWrite, label])).length > 0;
}

const selectKeys = statement(
  'select_keys',
  `select digest, key_class, project, environment, can_write, label, created_at from config.sdk_key
    order by created_at, digest`,
);

interface KeyRow {
  readonly digest: string;
  readonly key_class: KeyGrant['keyClass'];
  readonly project: string;
  readonly environment: string;
  readonly can_write: boolean;
  readonly label: string;
  readonly created_at: Date;
}

export interface StoredKey {
  readonly digest: string;
  readonly grant: KeyGrant;
  readonly createdAtMs: number;
}

export async function listKeys(db: Queryable): Promise<StoredKey[]> {
  return (await db.query<KeyRow>(selectKeys)).map((row) => ({
    digest: row.digest,
    createdAtMs: row.created_at.getTime(),
    grant: {
      keyClass: row.key_class,
      project: row.project,
      environment: row.environment,
      canWrite: row.can_write,
      label: row.label,
    },
  }));
}
