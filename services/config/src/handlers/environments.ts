import { type Call, covers, notFound, type Principal, requireKind, requireSet, requireWrite } from '@sluice/mesh';
import type {
  ArchiveEnvironmentRequest,
  ArchiveEnvironmentResponse,
  GetEnvironmentRequest,
  GetEnvironmentResponse,
  ListEnvironmentsRequest,
  ListEnvironmentsResponse,
  SetRef,
  UpdateEnvironmentRequest,
  UpdateEnvironmentResponse,
} from '@sluice/proto';
import type { Context } from '../context.js';
import { checkDescription, checkReason, checkVersion, setKey } from '../names.js';
import { orderOf, pageOf, pageSizeOf } from '../paging.js';
import {
  listEnvironments,
  lockEnvironment,
  noteEnvironment,
  readEnvironment,
  type StoredEnvironment,
} from '../project-store.js';
import { described, isInState, markSet } from '../sets.js';

export async function handleListEnvironments(
  { db }: Context,
  { project, nameContains, pageSize, pageToken, archiveState }: ListEnvironmentsRequest,
  { principal }: Call,
): Promise<ListEnvironmentsResponse> {
  requireKind(principal, 'console', 'server');
  const size = pageSizeOf(pageSize, 100, 1_000);
  const after = orderOf(pageToken, /^[a-z0-9-]+\/[a-z0-9-]+$/);
  const visible = (await listEnvironments(db))
    .map(({ environment }) => environment)
    .filter(({ set, isArchived }) => covers(principal, set) && isInState(archiveState, isArchived))
    .filter(({ set }) => (project === '' || set.project === project) && set.environment.includes(nameContains))
    .sort((a, b) => (setKey(a.set) < setKey(b.set) ? -1 : 1));
  const { items, nextPageToken } = pageOf(visible, ({ set }) => setKey(set), after, size);
  return { environments: items, nextPageToken };
}

export async function handleGetEnvironment(
  { db }: Context,
  request: GetEnvironmentRequest,
  { principal }: Call,
): Promise<GetEnvironmentResponse> {
  requireKind(principal, 'console', 'server');
  const set = requireSet(principal, request.set);
  const { environment } = requireEnvironment(set, await readEnvironment(db, set));
  return { environment };
}

function requireEnvironment(set: SetRef, held: StoredEnvironment | undefined): StoredEnvironment {
  if (held) return held;
  throw notFound('set', `${setKey(set)} does not exist; ListEnvironments names those there are`);
}

function requireSetWrite(principal: Principal, asked: SetRef | undefined): SetRef {
  requireKind(principal, 'console');
  requireWrite(principal);
  return requireSet(principal, asked);
}

/** Says anew what it is for; the set's audit log says so. */
export async function handleUpdateEnvironment(
  { writer, clock }: Context,
  { set: asked, description, expectedVersion, reason = '' }: UpdateEnvironmentRequest,
  { principal }: Call,
): Promise<UpdateEnvironmentResponse> {
  const set = requireSetWrite(principal, asked);
  checkDescription(description);
  checkReason(reason);
  return writer.transaction(async (tx, write) => {
    const { environment, isArchivedItself } = requireEnvironment(set, await lockEnvironment(tx, set));
    checkVersion(setKey(set), environment, expectedVersion, { description: [description, environment.description] });
    await markSet(write, set, principal.label, described(description), reason);
    await noteEnvironment(tx, set, { description, isArchived: isArchivedItself }, clock.now(), principal.label);
    return { environment: requireEnvironment(set, await readEnvironment(tx, set)).environment };
  });
}

/** Archives or restores; the set's audit log says so. */
export async function handleArchiveEnvironment(
  { writer, clock }: Context,
  { set: asked, reason }: ArchiveEnvironmentRequest,
  { principal }: Call,
  isArchived: boolean,
): Promise<ArchiveEnvironmentResponse> {
  const set = requireSetWrite(principal, asked);
  checkReason(reason);
  return writer.transaction(async (tx, write) => {
    const { environment, isArchivedItself } = requireEnvironment(set, await lockEnvironment(tx, set));
    if (isArchivedItself === isArchived) return { environment };
    const what = `environment ${isArchived ? 'archived' : 'restored'}`;
    await markSet(write, set, principal.label, what, reason);
    const notes = { description: environment.description, isArchived };
    await noteEnvironment(tx, set, notes, clock.now(), principal.label);
    return { environment: requireEnvironment(set, await readEnvironment(tx, set)).environment };
  });
}
