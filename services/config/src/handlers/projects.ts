import { type Call, forbidden, notFound, type Principal, requireKind, requireSet, requireWrite } from '@sluice/mesh';
import type { Transaction } from '@sluice/postgres';
import type {
  ArchiveProjectRequest,
  ArchiveProjectResponse,
  CreateEnvironmentRequest,
  CreateEnvironmentResponse,
  CreateProjectRequest,
  CreateProjectResponse,
  GetProjectRequest,
  GetProjectResponse,
  ListProjectsRequest,
  ListProjectsResponse,
  Project,
  UpdateProjectRequest,
  UpdateProjectResponse,
} from '@sluice/proto';
import type { Context } from '../context.js';
import { checkDescription, checkProjectName, checkReason, checkSetName, checkVersion } from '../names.js';
import { orderOf, pageOf, pageSizeOf } from '../paging.js';
import { changeProject, makeProject } from '../project-log.js';
import { listProjects, lockProject, readProject } from '../project-store.js';
import { because, described, ensureSet, isInState, markSet } from '../sets.js';
import { listSets } from '../store.js';
import type { Write } from '../writer.js';

export async function handleCreateProject(
  { db }: Context,
  { project, reason = '' }: CreateProjectRequest,
  { principal }: Call,
): Promise<CreateProjectResponse> {
  requireProjectWrite(principal, project);
  checkReason(reason);
  return { isCreated: await db.transaction((tx) => makeProject(tx, project, principal.label, reason)) };
}

export async function handleCreateEnvironment(
  { writer }: Context,
  request: CreateEnvironmentRequest,
  { principal }: Call,
): Promise<CreateEnvironmentResponse> {
  requireKind(principal, 'console');
  requireWrite(principal);
  const set = requireSet(principal, request.set);
  checkSetName(set);
  const { reason = '' } = request;
  checkReason(reason);
  const isCreated = await writer.transaction((tx, write) => ensureSet(tx, write, set, principal.label, reason));
  return { isCreated };
}

export async function handleListProjects(
  { db }: Context,
  { nameContains, pageSize, pageToken, archiveState }: ListProjectsRequest,
  { principal }: Call,
): Promise<ListProjectsResponse> {
  requireKind(principal, 'console', 'server');
  const size = pageSizeOf(pageSize, 100, 1_000);
  const after = orderOf(pageToken, /^[a-z0-9-]+$/);
  const visible = (await listProjects(db))
    .filter(({ name, isArchived }) => isVisible(principal, name) && isInState(archiveState, isArchived))
    .filter(({ name }) => name.includes(nameContains))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const { items, nextPageToken } = pageOf(visible, ({ name }) => name, after, size);
  return { projects: items.map((project) => seenBy(principal, project)), nextPageToken };
}

const isVisible = (principal: Principal, name: string): boolean =>
  principal.project === '' || principal.project === name;

/** A key of one environment does not learn how many others there are. */
function seenBy(principal: Principal, project: Project): Project {
  return principal.environment === ''
    ? project
    : { ...project, environmentCount: Math.min(project.environmentCount, 1) };
}

export async function handleGetProject(
  { db }: Context,
  { project: name }: GetProjectRequest,
  { principal }: Call,
): Promise<GetProjectResponse> {
  requireKind(principal, 'console', 'server');
  const project = await requireProject(principal, name, () => readProject(db, name));
  return { project: seenBy(principal, project) };
}

/** The project, locked for a change in a transaction. */
async function requireProject(
  principal: Principal,
  name: string,
  read: () => Promise<Project | undefined>,
): Promise<Project> {
  const project = isVisible(principal, name) ? await read() : undefined;
  if (project) return project;
  throw notFound(
    'project',
    `there is no project ${JSON.stringify(name.slice(0, 80))}; ListProjects names those there are`,
  );
}

function requireProjectWrite(principal: Principal, name: string): void {
  requireKind(principal, 'console');
  requireWrite(principal);
  checkProjectName('project', name);
  if (isVisible(principal, name) && principal.environment === '') return;
  throw forbidden(`This key does not reach the whole project ${name}; use a key of all its environments.`);
}

export async function handleUpdateProject(
  { db, clock }: Context,
  { project: name, description, expectedVersion, reason = '' }: UpdateProjectRequest,
  { principal }: Call,
): Promise<UpdateProjectResponse> {
  requireProjectWrite(principal, name);
  checkDescription(description);
  checkReason(reason);
  return db.transaction(async (tx) => {
    const held = await requireProject(principal, name, () => lockProject(tx, name));
    checkVersion(`the project ${name}`, held, expectedVersion, { description: [description, held.description] });
    const change = { notes: { description, isArchived: held.isArchived }, atMs: clock.now(), author: principal.label };
    return { project: await changeProject(tx, held, { ...change, reason: because(described(description), reason) }) };
  });
}

/** Archives or restores: the project's audit log says so, and that of each of its sets. */
export async function handleArchiveProject(
  { writer, clock }: Context,
  { project: name, reason }: ArchiveProjectRequest,
  { principal }: Call,
  isArchived: boolean,
): Promise<ArchiveProjectResponse> {
  requireProjectWrite(principal, name);
  checkReason(reason);
  return writer.transaction(async (tx: Transaction, write: Write) => {
    const held = await requireProject(principal, name, () => lockProject(tx, name));
    if (held.isArchived === isArchived) return { project: held };
    const what = `project ${isArchived ? 'archived' : 'restored'}`;
    for (const { set } of await listSets(tx)) {
      if (set.project === name) await markSet(write, set, principal.label, what, reason);
    }
    const change = { notes: { description: held.description, isArchived }, atMs: clock.now(), author: principal.label };
    return { project: await changeProject(tx, held, { ...change, reason: because(what, reason) }) };
  });
}
