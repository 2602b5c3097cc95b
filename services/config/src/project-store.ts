import type { Queryable, Statement, Transaction } from '@sluice/postgres';
import type { Environment, Project, SetRef } from '@sluice/proto';

const statement = (name: string, text: string): Statement => ({ name: `config_${name}`, text });

interface ProjectRow {
  readonly name: string;
  readonly description: string;
  readonly version: number;
  readonly archived_at: Date | null;
  readonly created_at: Date;
  readonly changed_at: Date | null;
  readonly changed_by: string;
  readonly environments: bigint;
}

const projectOf = (row: ProjectRow): Project => ({
  name: row.name,
  description: row.description,
  version: row.version,
  isArchived: row.archived_at !== null,
  createdAtMs: row.created_at.getTime(),
  changedAtMs: (row.changed_at ?? row.created_at).getTime(),
  changedBy: row.changed_by,
  environmentCount: Number(row.environments),
});

const projectColumns = `name, description, version, archived_at, created_at, changed_at, changed_by,
    (select count(*) from config.environment where environment.project = project.name) as environments`;

const selectProjects = statement('select_projects', `select ${projectColumns} from config.project order by name`);

export async function listProjects(db: Queryable): Promise<Project[]> {
  return (await db.query<ProjectRow>(selectProjects)).map(projectOf);
}

const selectProject = statement('select_project', `select ${projectColumns} from config.project where name = $1`);
const selectProjectForUpdate = statement('lock_project', `${selectProject.text} for update`);

export async function readProject(db: Queryable, name: string): Promise<Project | undefined> {
  const [row] = await db.query<ProjectRow>(selectProject, [name]);
  return row && projectOf(row);
}

/** Also keeps other changes to the project out until the transaction ends. */
export async function lockProject(tx: Transaction, name: string): Promise<Project | undefined> {
  const [row] = await tx.query<ProjectRow>(selectProjectForUpdate, [name]);
  return row && projectOf(row);
}

/** What people say of a project or an environment. */
export interface Notes {
  readonly description: string;
  readonly isArchived: boolean;
}

const updateProject = statement(
  'update_project',
  `update config.project set description = $2, archived_at = case when $3 then coalesce(archived_at, $4) end,
      version = version + 1, changed_at = $4, changed_by = $5 where name = $1`,
);

export async function noteProject(tx: Queryable, name: string, notes: Notes, atMs: number, by: string): Promise<void> {
  await tx.query(updateProject, [name, notes.description, notes.isArchived, new Date(atMs), by]);
}

interface EnvironmentRow {
  readonly project: string;
  readonly name: string;
  readonly description: string;
  readonly version: number;
  readonly archived_at: Date | null;
  readonly changed_at: Date | null;
  readonly changed_by: string;
  readonly revision: bigint;
  readonly committed_at: Date;
  readonly is_project_archived: boolean;
}

/** An environment, and whether it is archived itself rather than by its project. */
export interface StoredEnvironment {
  readonly environment: Environment & { readonly set: SetRef };
  readonly isArchivedItself: boolean;
}

const environmentOf = (row: EnvironmentRow): StoredEnvironment => ({
  isArchivedItself: row.archived_at !== null,
  environment: {
    set: { project: row.project, environment: row.name },
    description: row.description,
    version: row.version,
    isArchived: row.archived_at !== null || row.is_project_archived,
    changedAtMs: row.changed_at?.getTime() ?? 0,
    changedBy: row.changed_by,
    revision: Number(row.revision),
    committedAtMs: row.committed_at.getTime(),
  },
});

const environmentColumns = `project, environment.name, environment.description, environment.version,
    environment.archived_at, environment.changed_at, environment.changed_by, revision, committed_at,
    project.archived_at is not null as is_project_archived
    from config.environment join config.project on project.name = environment.project`;

const selectEnvironments = statement(
  'select_environments',
  `select ${environmentColumns} order by environment.project, environment.name`,
);

export async function listEnvironments(db: Queryable): Promise<StoredEnvironment[]> {
  return (await db.query<EnvironmentRow>(selectEnvironments)).map(environmentOf);
}

const selectEnvironment = statement(
  'select_environment',
  `select ${environmentColumns} where environment.project = $1 and environment.name = $2`,
);
const selectEnvironmentForUpdate = statement('lock_environment', `${selectEnvironment.text} for update of environment`);

export async function readEnvironment(db: Queryable, set: SetRef): Promise<StoredEnvironment | undefined> {
  const [row] = await db.query<EnvironmentRow>(selectEnvironment, [set.project, set.environment]);
  return row && environmentOf(row);
}

/** Also keeps writers of the set out until the transaction ends. */
export async function lockEnvironment(tx: Transaction, set: SetRef): Promise<StoredEnvironment | undefined> {
  const [row] = await tx.query<EnvironmentRow>(selectEnvironmentForUpdate, [set.project, set.environment]);
  return row && environmentOf(row);
}

const updateEnvironment = statement(
  'update_environment',
  `update config.environment set description = $3, archived_at = case when $4 then coalesce(archived_at, $5) end,
      version = version + 1, changed_at = $5, changed_by = $6 where project = $1 and name = $2`,
);

export async function noteEnvironment(tx: Queryable, set: SetRef, notes: Notes, atMs: number, by: string) {
  const values = [set.project, set.environment, notes.description, notes.isArchived, new Date(atMs), by];
  await tx.query(updateEnvironment, values);
}
