import type { Queryable, Statement } from '@sluice/postgres';
import { Entity, type EntityRef, type SetRef } from '@sluice/proto';
import { type AuditEntry, chainHash, firstHash } from './audit.js';

const statement = (name: string, text: string): Statement => ({ name: `config_${name}`, text });

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

/** A line of the log as it is stored. */
export interface AuditLine {
  readonly entry: AuditEntry;
  readonly previousHash: Buffer;
  readonly hash: Buffer;
}

interface AuditRow {
  readonly project: string;
  readonly environment: string;
  readonly revision: bigint;
  readonly at: Date;
  readonly author: string;
  readonly reason: string;
  readonly changes: string;
  readonly previous_hash: Buffer;
  readonly hash: Buffer;
}

function lineOf(row: AuditRow): AuditLine {
  const { project, environment, author, reason, changes } = row;
  const entry = { ...{ project, environment, author, reason, changes }, revision: Number(row.revision) };
  return { entry: { ...entry, atMs: row.at.getTime() }, previousHash: row.previous_hash, hash: row.hash };
}

const auditColumns = 'project, environment, revision, at, author, reason, changes, previous_hash, hash';

const selectNewest = statement(
  'select_newest_audit',
  `select ${auditColumns} from config.audit
    where project = $1 and environment = $2 and ($3::bigint is null or revision < $3)
    order by revision desc limit $4`,
);

/** Lines before a revision, newest first. */
export async function listAudit(
  db: Queryable,
  set: SetRef,
  before: number | undefined,
  limit: number,
): Promise<AuditLine[]> {
  const rows = await db.query<AuditRow>(selectNewest, [set.project, set.environment, before ?? null, limit]);
  return rows.map(lineOf);
}

const selectAfter = statement(
  'select_audit_after',
  `select ${auditColumns} from config.audit where project = $1 and environment = $2 and revision > $3
    order by revision limit $4`,
);

const selectRevisionsAfter = statement(
  'select_revisions_after',
  `select revision, state_hash, committed_at, author, reason from config.revision
    where project = $1 and environment = $2 and revision > $3 and revision <= $4 order by revision`,
);

const selectBodies = statement(
  'select_bodies',
  `select section, name, body from config.entity_version
    where project = $1 and environment = $2 and revision = $3 and (section, name) > ($4, $5)
    order by section, name limit $6`,
);

/** A row of the history that the log speaks of. */
export interface StoredRevision {
  readonly revision: number;
  readonly stateHash: Buffer;
  /** Unix milliseconds. */
  readonly atMs: number;
  readonly author: string;
  readonly reason: string;
}

/** Lines after a revision, oldest first. */
export async function readAuditAfter(db: Queryable, set: SetRef, after: number, limit: number): Promise<AuditLine[]> {
  const rows = await db.query<AuditRow>(selectAfter, [set.project, set.environment, after, limit]);
  return rows.map(lineOf);
}

/** Revisions after one and up to another, oldest first. */
export async function readRevisionsAfter(
  db: Queryable,
  set: SetRef,
  after: number,
  upTo: number,
): Promise<StoredRevision[]> {
  const rows = await db.query<{
    revision: bigint;
    state_hash: Buffer;
    committed_at: Date;
    author: string;
    reason: string;
  }>(selectRevisionsAfter, [set.project, set.environment, after, upTo]);
  return rows.map(({ revision, state_hash: stateHash, committed_at: at, author, reason }) => ({
    ...{ revision: Number(revision), stateHash, atMs: at.getTime(), author, reason },
  }));
}

/** What a revision made of an entity. */
export interface StoredBody {
  readonly ref: EntityRef;
  /** As it is stored; undefined when the revision took the entity out. */
  readonly body: Buffer | undefined;
}

/** Few at a time: an id list has megabytes. */
const bodiesAtOnce = 200;

/** What a revision did, by section and name. */
export async function* readBodies(db: Queryable, set: SetRef, revision: number): AsyncGenerator<StoredBody> {
  let after: EntityRef = { section: 0, name: '' };
  for (;;) {
    const values = [set.project, set.environment, revision, after.section, after.name, bodiesAtOnce];
    const rows = await db.query<{ section: EntityRef['section']; name: string; body: Buffer | null }>(
      selectBodies,
      values,
    );
    for (const { section, name, body } of rows) {
      after = { section, name };
      yield { ref: after, body: body ?? undefined };
    }
    if (rows.length < bodiesAtOnce) return;
  }
}

const selectPair = statement(
  'select_pair',
  `select
      (select body from config.entity_version where project = $1 and environment = $2
        and section = $3 and name = $4 and revision < $5 order by revision desc limit 1) as before,
      (select body from config.entity_version where project = $1 and environment = $2
        and section = $3 and name = $4 and revision = $5) as after`,
);

/** An entity before and after a revision; undefined where it was not there. */
export async function readPair(
  db: Queryable,
  set: SetRef,
  ref: EntityRef,
  revision: number,
): Promise<{ before: Entity | undefined; after: Entity | undefined }> {
  const values = [set.project, set.environment, ref.section, ref.name, revision];
  const [row] = await db.query<{ before: Buffer | null; after: Buffer | null }>(selectPair, values);
  const read = (body: Buffer | null | undefined): Entity | undefined => (body ? Entity.decode(body) : undefined);
  return { before: read(row?.before), after: read(row?.after) };
}

const selectStanding = statement(
  'select_standing',
  `select section, name, body from config.entity
    where project = $1 and environment = $2 and (section, name) > ($3, $4) order by section, name limit $5`,
);

/** What stands at the newest revision. */
export async function* readStanding(db: Queryable, set: SetRef): AsyncGenerator<StoredBody & { body: Buffer }> {
  let after: EntityRef = { section: 0, name: '' };
  for (;;) {
    const values = [set.project, set.environment, after.section, after.name, bodiesAtOnce];
    const rows = await db.query<{ section: EntityRef['section']; name: string; body: Buffer }>(selectStanding, values);
    for (const { section, name, body } of rows) {
      after = { section, name };
      yield { ref: after, body };
    }
    if (rows.length < bodiesAtOnce) return;
  }
}

const seeOneMoment = statement('see_one_moment', 'set transaction isolation level repeatable read, read only');

/** What the transaction reads from now on is what was committed at its first look. Must be its first statement. */
export async function freeze(tx: Queryable): Promise<void> {
  await tx.query(seeOneMoment);
}
