import { type Call, forbidden, requireKind, requireSet, requireWrite } from '@sluice/mesh';
import type {
  CreateEnvironmentRequest,
  CreateEnvironmentResponse,
  CreateProjectRequest,
  CreateProjectResponse,
} from '@sluice/proto';
import type { Context } from '../context.js';
import { checkProjectName, checkSetName } from '../names.js';
import { ensureSet } from '../sets.js';
import { createProject } from '../store.js';

export async function handleCreateProject(
  { db }: Context,
  { project }: CreateProjectRequest,
  { principal }: Call,
): Promise<CreateProjectResponse> {
  requireKind(principal, 'console');
  requireWrite(principal);
  checkProjectName('project', project);
  if (principal.project !== '' && principal.project !== project) {
    throw forbidden(`This key belongs to one project and can't create ${project}; use a key of every project.`);
  }
  return { isCreated: await createProject(db, project) };
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
  return { isCreated: await writer.transaction((tx, write) => ensureSet(tx, write, set, principal.label)) };
}
