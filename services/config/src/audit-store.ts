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

/** Bodies of a table by section and name, a part of them each time: `from` filters them, its values go first. */
const partsOf = (from: string, values: number): string => {
  const at = (place: number): string => `$${values + place}`;
  return `select section, name, body, waiting from (
      select section, name, body, count(*) over () as waiting, coalesce(octet_length(body), 0) as bytes,
          sum(coalesce(octet_length(body), 0)) over (order by section, name) as bytes_so_far
        from (select section, name, body ${from} and (section, name) > (${at(1)}, ${at(2)})
          order by section, name limit ${at(3)}) next
    ) sized where bytes_so_far - bytes < ${at(4)} order by section, name`;
};

const selectBodies = statement(
  'select_bodies',
  partsOf('from config.entity_version where project = $1 and environment = $2 and revision = $3', 3),
);

const selectStanding = statement(
  'select_standing',
  partsOf('from config.entity where project = $1 and environment = $2', 2),
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

/** An entity as a revision made it, or as it stands. */
export interface StoredBody {
  readonly ref: EntityRef;
  /** As it is stored; undefined when the revision took the entity out. */
  readonly body: Buffer | undefined;
}

/** At a time, of both what is reached first, and one at least: an id list has megabytes. */
const bodiesAtOnce = 200;
const bytesAtOnce = 8 * 1024 * 1024;

/** What a revision did, by section and name. */
export function readBodies(db: Queryable, set: SetRef, revision: number): AsyncGenerator<StoredBody> {
  return readByParts(db, selectBodies, [set.project, set.environment, revision]);
}

/** What stands at the newest revision, by section and name. */
export function readStanding(db: Queryable, set: SetRef): AsyncGenerator<StoredBody> {
  return readByParts(db, selectStanding, [set.project, set.environment]);
}

interface BodyRow {
  readonly section: EntityRef['section'];
  readonly name: string;
  readonly body: Buffer | null;
  /** Rows that were there for this part, before the limit of bytes. */
  readonly waiting: bigint;
}

async function* readByParts(
  db: Queryable,
  parts: Statement,
  values: readonly (string | number)[],
): AsyncGenerator<StoredBody> {
  let after: EntityRef = { section: 0, name: '' };
  for (;;) {
    const rows = await db.query<BodyRow>(parts, [...values, after.section, after.name, bodiesAtOnce, bytesAtOnce]);
    for (const { section, name, body } of rows) {
      after = { section, name };
      yield { ref: after, body: body ?? undefined };
    }
    const waiting = Number(rows[0]?.waiting ?? 0);
    if (waiting < bodiesAtOnce && rows.length === waiting) return;
  }
}

const selectPairs = statement(
  'select_pairs',
  `select section, name, before, after
    from unnest($4::integer[], $5::text[]) as wanted (section, name)
    left join lateral (select octet_length(body) as bytes, body as before from config.entity_version past
      where project = $1 and environment = $2 and past.section = wanted.section and past.name = wanted.name
        and revision < $3 order by revision desc limit 1) earlier on true
    left join lateral (select octet_length(body) as bytes, body as after from config.entity_version now
      where project = $1 and environment = $2 and now.section = wanted.section and now.name = wanted.name
        and revision = $3) later on true
    where coalesce(earlier.bytes, 0) <= $6 and coalesce(later.bytes, 0) <= $6`,
);

/** An entity before and after a revision; undefined where it was not there. */
export interface Pair {
  readonly ref: EntityRef;
  readonly before: Entity | undefined;
  readonly after: Entity | undefined;
}

/** Larger ones, such as id lists, are not compared: they would be read whole to show a few lines. */
const pairBytesMax = 64 * 1024;

/** Entities before and after a revision, without those that are too large to be compared for a listing. */
export async function readPairs(
  db: Queryable,
  set: SetRef,
  refs: readonly EntityRef[],
  revision: number,
): Promise<Pair[]> {
  if (refs.length === 0) return [];
  const rows = await db.query<{
    section: EntityRef['section'];
    name: string;
    before: Buffer | null;
    after: Buffer | null;
  }>(selectPairs, [
    ...[set.project, set.environment, revision],
    ...[refs.map(({ section }) => section), refs.map(({ name }) => name), pairBytesMax],
  ]);
  const read = (body: Buffer | null): Entity | undefined => (body ? Entity.decode(body) : undefined);
  return rows.map(({ section, name, before, after }) => ({
    ref: { section, name },
    before: read(before),
    after: read(after),
  }));
}
