import { emptyStateHash, entityKey, sectionOf } from '@sluice/codec';
import type { Queryable, Statement, Transaction } from '@sluice/postgres';
import { Entity, type EntityRef, type SetRef, type SetState } from '@sluice/proto';
import type { Advance, ArchivedVersions, Held, Moment } from './head.js';

const statement = (name: string, text: string): Statement => ({ name: `config_${name}`, text });

const insertProject = statement(
  'insert_project',
  'insert into config.project (name, changed_by) values ($1, $2) on conflict do nothing returning name',
);

/** @returns whether it is new. */
export async function createProject(tx: Transaction, project: string, author: string): Promise<boolean> {
  return (await tx.query(insertProject, [project, author])).length > 0;
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
    where project = $1 and name = $2`,
);
const selectSetForUpdate = statement('lock_set', `${selectSet.text} for update`);

/** Where a set stands. */
export async function readSet(db: Queryable, set: SetRef): Promise<SetState | undefined> {
  const [row] = await db.query<SetRow>(selectSet, [set.project, set.environment]);
  return row && stateOf(row);
}

/** Where a set stands; also keeps every other writer out until the transaction ends. */
export async function lockSet(tx: Transaction, set: SetRef): Promise<SetState | undefined> {
  const [row] = await tx.query<SetRow>(selectSetForUpdate, [set.project, set.environment]);
  return row && stateOf(row);
}

const selectSetArchive = statement(
  'select_set_archive',
  `select project.archived_at is not null as project_is, environment.archived_at is not null as environment_is
    from config.environment join config.project on project.name = environment.project
    where environment.project = $1 and environment.name = $2`,
);

/** What of a set is archived; undefined when writes are welcome. */
export async function readArchived(tx: Queryable, set: SetRef): Promise<'project' | 'environment' | undefined> {
  const [row] = await tx.query<{ project_is: boolean; environment_is: boolean }>(selectSetArchive, [
    set.project,
    set.environment,
  ]);
  if (row?.project_is) return 'project';
  return row?.environment_is ? 'environment' : undefined;
}

const selectEntities = statement(
  'select_entities',
  `select body, changed_in_revision, changed_at, changed_by, highest_version from config.entity
    where project = $1 and environment = $2 order by section, name`,
);

interface EntityRow {
  readonly body: Buffer;
  readonly changed_in_revision: bigint;
  readonly changed_at: Date;
  readonly changed_by: string;
  readonly highest_version: number;
}

function heldOf(row: EntityRow): Held {
  const entity = Entity.decode(row.body);
  return {
    entity,
    changedInRevision: Number(row.changed_in_revision),
    changedAtMs: row.changed_at.getTime(),
    changedBy: row.changed_by,
    highestVersion: Math.max(row.highest_version, entity.version),
  };
}

export async function readEntities(tx: Queryable, set: SetRef): Promise<Held[]> {
  return (await tx.query<EntityRow>(selectEntities, [set.project, set.environment])).map(heldOf);
}

const selectArchivedVersions = statement(
  'select_archived_versions',
  `select section, name, highest_version, case when highest_version = 0 then body end as body
    from config.archived_entity
    join unnest($3::integer[], $4::text[]) as wanted (section, name) using (section, name)
    where project = $1 and environment = $2`,
);

/** The highest versions that entities had before they were archived, of those that were. */
export async function readArchivedVersions(
  tx: Queryable,
  set: SetRef,
  refs: readonly EntityRef[],
): Promise<ArchivedVersions> {
  if (refs.length === 0) return new Map();
  const rows = await tx.query<{ section: number; name: string; highest_version: number; body: Buffer | null }>(
    selectArchivedVersions,
    [set.project, set.environment, refs.map(({ section }) => section), refs.map(({ name }) => name)],
  );
  return new Map(
    rows.map(({ section, name, highest_version, body }) => [
      entityKey({ section: section as EntityRef['section'], name }),
      body ? Entity.decode(body).version : highest_version,
    ]),
  );
}

const archivedColumns = `body, archived_in_revision as changed_in_revision, archived_at as changed_at,
      archived_by as changed_by, highest_version`;

const selectArchived = statement(
  'select_archived',
  `select ${archivedColumns} from config.archived_entity
    where project = $1 and environment = $2 and section = any($3::integer[]) and strpos(name, $4) > 0
    order by section, name`,
);

const selectOneArchived = statement(
  'select_one_archived',
  `select ${archivedColumns} from config.archived_entity
    where project = $1 and environment = $2 and section = $3 and name = $4`,
);

/** Entities that are no part of the ruleset any more, as they last were. */
export async function listArchived(
  db: Queryable,
  set: SetRef,
  sections: readonly number[],
  nameContains: string,
): Promise<Held[]> {
  const values = [set.project, set.environment, sections, nameContains];
  return (await db.query<EntityRow>(selectArchived, values)).map(heldOf);
}

export async function readArchivedEntity(db: Queryable, set: SetRef, ref: EntityRef): Promise<Held | undefined> {
  const [row] = await db.query<EntityRow>(selectOneArchived, [set.project, set.environment, ref.section, ref.name]);
  return row && heldOf(row);
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
      (project, environment, section, name, body, highest_version, changed_in_revision, changed_at, changed_by)
    select $1, $2, section, name, body, highest_version, $7, $8, $9
      from unnest($3::integer[], $4::text[], $5::bytea[], $6::integer[])
      as changed (section, name, body, highest_version)
    on conflict (project, environment, section, name) do update set
      body = excluded.body, highest_version = excluded.highest_version,
      changed_in_revision = excluded.changed_in_revision,
      changed_at = excluded.changed_at, changed_by = excluded.changed_by`,
);

const forgetArchived = statement(
  'forget_archived',
  `delete from config.archived_entity using unnest($3::integer[], $4::text[]) as live (section, name)
    where project = $1 and environment = $2
      and archived_entity.section = live.section and archived_entity.name = live.name`,
);

const archiveEntities = statement(
  'archive_entities',
  `with gone as (
      delete from config.entity using unnest($3::integer[], $4::text[]) as gone (section, name)
        where project = $1 and environment = $2 and entity.section = gone.section and entity.name = gone.name
        returning entity.section, entity.name, body, highest_version
    )
    insert into config.archived_entity
        (project, environment, section, name, body, highest_version,
         archived_in_revision, archived_at, archived_by)
      select $1, $2, section, name, body, highest_version, $5, $6, $7 from gone`,
);

const insertVersions = statement(
  'insert_versions',
  `insert into config.entity_version (project, environment, revision, section, name, body, kind, version)
    select $1, $2, $3, section, name, body, kind, version
      from unnest($4::integer[], $5::text[], $6::bytea[], $7::integer[], $8::integer[])
      as changed (section, name, body, kind, version)`,
);

export interface Revision {
  readonly set: SetRef;
  readonly advance: Advance;
  readonly moment: Moment;
  readonly reason: string;
}

/** Writes a revision: the set's row, the revision's, the entities and their history. */
export async function writeRevision(tx: Queryable, { set, advance, moment, reason }: Revision): Promise<void> {
  const { head, upserts, deletions, changes } = advance;
  const key = [set.project, set.environment];
  const at = new Date(moment.nowMs);
  const sections = upserts.map(sectionOf);
  const names = upserts.map(({ name }) => name);
  const bodies = upserts.map((entity) => Buffer.from(Entity.encode(entity).finish()));
  const highest = upserts.map((entity) => head.entities.get(entityKey(entity))?.highestVersion ?? entity.version);
  const goneSections = deletions.map(({ section }) => section);
  const goneNames = deletions.map(({ name }) => name);
  await tx.query(updateSet, [...key, head.revision, head.stateHash, at]);
  await tx.query(insertRevision, [...key, head.revision, head.stateHash, at, moment.author, reason]);
  if (deletions.length > 0) {
    await tx.query(archiveEntities, [...key, goneSections, goneNames, head.revision, at, moment.author]);
  }
  if (upserts.length > 0) {
    await tx.query(upsertEntities, [...key, sections, names, bodies, highest, head.revision, at, moment.author]);
    await tx.query(forgetArchived, [...key, sections, names]);
  }
  await tx.query(insertVersions, [
    ...key,
    head.revision,
    [...sections, ...goneSections],
    [...names, ...goneNames],
    [...bodies, ...deletions.map(() => null)],
    changes.map(({ kind }) => kind),
    changes.map(({ version }) => version),
  ]);
}

const allowThinking = statement('allow_thinking', `set local idle_in_transaction_session_timeout = '15s'`);

/** Entities that are compiled well within the usual limit. */
const quickToCompile = 2_000;

/** Before work on so many entities: the transaction may hold its locks for longer than a frozen replica's may. */
export async function allowTimeFor(tx: Queryable, entities: number): Promise<void> {
  if (entities > quickToCompile) await tx.query(allowThinking);
}
