import type { Queryable, Statement } from '@sluice/postgres';
import {
  ChangeKind,
  Entity,
  type EntityChange,
  type EntityRef,
  type RevisionSummary,
  type SetRef,
} from '@sluice/proto';
import type { Authorship } from './version-conflict.js';

const statement = (name: string, text: string): Statement => ({ name: `config_${name}`, text });

const selectAuthorship = statement(
  'select_authorship',
  `select author, revision, committed_at from config.entity_version join config.revision using (project, environment, revision)
    where project = $1 and environment = $2 and section = $3 and entity_version.name = $4 and version = $5
      and body is not null
    order by revision desc limit 1`,
);

/** Who wrote a version of an entity; undefined when that is not known. */
export async function readAuthorship(
  tx: Queryable,
  set: SetRef,
  ref: EntityRef,
  version: number,
): Promise<Authorship | undefined> {
  const values = [set.project, set.environment, ref.section, ref.name, version];
  const [row] = await tx.query<{ author: string; revision: bigint; committed_at: Date }>(selectAuthorship, values);
  return row && { author: row.author, revision: Number(row.revision), atMs: row.committed_at.getTime() };
}

const selectRevisions = statement(
  'select_revisions',
  `select revision, committed_at, author, reason, state_hash,
      (select count(*) from config.entity_version touched where touched.project = $1 and touched.environment = $2
        and touched.revision = revision.revision) as change_count
    from config.revision where project = $1 and environment = $2 and ($3::bigint is null or revision < $3)
      and ($4::integer is null or exists (select from config.entity_version touched
        where touched.project = $1 and touched.environment = $2 and touched.revision = revision.revision
          and touched.section = $4 and touched.name = $5))
    order by revision desc limit $6`,
);

const selectChanges = statement(
  'select_changes',
  `select wanted.revision, change.section, change.name, change.kind, change.version, change.body
    from unnest($3::bigint[]) as wanted (revision) cross join lateral (
      select section, name, kind, version, case when kind = 0 then body end as body
        from config.entity_version touched
        where touched.project = $1 and touched.environment = $2 and touched.revision = wanted.revision
          and ($4::integer is null or (touched.section = $4 and touched.name = $5))
        order by section, name limit $6
    ) change order by wanted.revision desc, change.section, change.name`,
);

interface RevisionRow {
  readonly revision: bigint;
  readonly committed_at: Date;
  readonly author: string;
  readonly reason: string;
  readonly state_hash: Buffer;
  readonly change_count: bigint;
}

interface ChangeRow {
  readonly revision: bigint;
  readonly section: EntityRef['section'];
  readonly name: string;
  readonly kind: ChangeKind;
  readonly version: number;
  readonly body: Buffer | null;
}

/** Rows of code that did not say what it did: a missing body is a deletion, a first version is new. */
function changeOf({ section, name, kind, version, body }: ChangeRow): EntityChange {
  const ref = { section, name };
  if (kind !== ChangeKind.UNSPECIFIED) return { ref, kind, version };
  if (!body) return { ref, kind: ChangeKind.DELETED, version };
  const own = Entity.decode(body).version;
  return { ref, kind: own === 1 ? ChangeKind.CREATED : ChangeKind.UPDATED, version: own };
}

const changesMax = 100;
/** So many changes on one page at most, spread over its revisions. */
const pageChangesMax = 10_000;

/** Revisions before one, newest first, at most `limit`. */
export async function listRevisions(
  db: Queryable,
  set: SetRef,
  ref: EntityRef | undefined,
  before: number | undefined,
  limit: number,
): Promise<RevisionSummary[]> {
  const key = [set.project, set.environment];
  const only = [ref?.section ?? null, ref?.name ?? null];
  const rows = await db.query<RevisionRow>(selectRevisions, [...key, before ?? null, ...only, limit]);
  const perRevision = Math.min(changesMax, Math.max(10, Math.floor(pageChangesMax / Math.max(rows.length, 1))));
  const revisions = rows.map(({ revision }) => String(revision));
  const touched = await db.query<ChangeRow>(selectChanges, [...key, revisions, ...only, perRevision]);
  const changes = Map.groupBy(touched, ({ revision }) => revision);
  return rows.map((row) => ({
    revision: Number(row.revision),
    committedAtMs: row.committed_at.getTime(),
    author: row.author,
    reason: row.reason,
    changes: (changes.get(row.revision) ?? []).map(changeOf),
    changeCount: Number(row.change_count),
    stateHash: row.state_hash,
  }));
}

const selectTouched = statement(
  'select_touched',
  `select section, name,
      (select body from config.entity_version held where held.project = $1 and held.environment = $2
        and held.section = touched.section and held.name = touched.name and held.revision <= $3
        order by held.revision desc limit 1) as before,
      (select body from config.entity_version held where held.project = $1 and held.environment = $2
        and held.section = touched.section and held.name = touched.name and held.revision <= $4
        order by held.revision desc limit 1) as after
    from (
      select distinct section, name from config.entity_version
        where project = $1 and environment = $2 and revision > $3 and revision <= $4
          and (section, name) > ($5, $6) and ($7::integer is null or (section = $7 and name = $8))
        order by section, name limit $9
    ) touched order by section, name`,
);

/** An entity at two revisions; undefined where it was not there. */
export interface TouchedEntity {
  readonly ref: EntityRef;
  readonly before: Entity | undefined;
  readonly after: Entity | undefined;
}

interface TouchedRow {
  readonly section: EntityRef['section'];
  readonly name: string;
  readonly before: Buffer | null;
  readonly after: Buffer | null;
}

/** Few at a time: an id list has megabytes. */
const touchedAtOnce = 20;

/** Entities that were touched after one revision and up to another, in the order of their refs. */
export async function* readTouched(
  db: Queryable,
  set: SetRef,
  earlier: number,
  later: number,
  only: EntityRef | undefined,
): AsyncGenerator<TouchedEntity> {
  let after = { section: 0, name: '' };
  for (;;) {
    const rows = await db.query<TouchedRow>(selectTouched, [
      ...[set.project, set.environment, earlier, later, after.section, after.name],
      ...[only?.section ?? null, only?.name ?? null, touchedAtOnce],
    ]);
    for (const { section, name, before, after: now } of rows) {
      after = { section, name };
      const read = (body: Buffer | null): Entity | undefined => (body ? Entity.decode(body) : undefined);
      yield { ref: { section, name }, before: read(before), after: read(now) };
    }
    if (rows.length < touchedAtOnce) return;
  }
}

const selectPastEntity = statement(
  'select_past_entity',
  `select body, revision, author, committed_at from config.entity_version
      join config.revision using (project, environment, revision)
    where project = $1 and environment = $2 and section = $3 and entity_version.name = $4
      and revision <= $5 and body is not null
    order by revision desc limit 1`,
);

const selectIsGone = statement(
  'select_is_gone',
  `select body is null as is_gone from config.entity_version
    where project = $1 and environment = $2 and section = $3 and name = $4 and revision <= $5
    order by revision desc limit 1`,
);

/** An entity as it was. */
export interface PastEntity {
  readonly entity: Entity;
  readonly changedInRevision: number;
  readonly changedAtMs: number;
  readonly changedBy: string;
  /** It was no part of the ruleset then; this is what it was last. */
  readonly isArchived: boolean;
}

export async function readPastEntity(
  db: Queryable,
  set: SetRef,
  ref: EntityRef,
  revision: number,
): Promise<PastEntity | undefined> {
  const values = [set.project, set.environment, ref.section, ref.name, revision];
  const [row] = await db.query<{ body: Buffer; revision: bigint; author: string; committed_at: Date }>(
    selectPastEntity,
    values,
  );
  if (!row) return undefined;
  const [last] = await db.query<{ is_gone: boolean }>(selectIsGone, values);
  return {
    entity: Entity.decode(row.body),
    changedInRevision: Number(row.revision),
    changedAtMs: row.committed_at.getTime(),
    changedBy: row.author,
    isArchived: last?.is_gone ?? false,
  };
}

const selectStateHash = statement(
  'select_state_hash',
  'select state_hash from config.revision where project = $1 and environment = $2 and revision = $3',
);

/** The state hash of a past revision; undefined when there was none. */
export async function readStateHash(db: Queryable, set: SetRef, revision: number): Promise<Buffer | undefined> {
  const [row] = await db.query<{ state_hash: Buffer }>(selectStateHash, [set.project, set.environment, revision]);
  return row?.state_hash;
}
