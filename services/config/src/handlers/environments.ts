import { type Call, covers, notFound, type Principal, requireKind, requireSet, requireWrite } from '@sluice/mesh';
import type { Transaction } from '@sluice/postgres';
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
import { listEnvironments, noteEnvironment, readEnvironment, type StoredEnvironment } from '../project-store.js';
import { isInState, markSet } from '../sets.js';

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
  const { environment } = await requireEnvironment(db, requireSet(principal, request.set));
  return { environment };
}

async function requireEnvironment(db: Context['db'] | Transaction, set: SetRef): Promise<StoredEnvironment> {
  const held = await readEnvironment(db, set);
  if (held) return held;
  throw notFound('set', `${setKey(set)} does not exist; ListEnvironments names those there are`);
}

function requireSetWrite(principal: Principal, asked: SetRef | undefined): SetRef {
  requireKind(principal, 'console');
  requireWrite(principal);
  return requireSet(principal, asked);
}

export async function handleUpdateEnvironment(
  { db, clock }: Context,
  { set: asked, description, expectedVersion }: UpdateEnvironmentRequest,
  { principal }: Call,
): Promise<UpdateEnvironmentResponse> {
  const set = requireSetWrite(principal, asked);
  checkDescription(description);
  return db.transaction(async (tx) => {
    const { environment, isArchivedItself } = await requireEnvironment(tx, set);
    checkVersion(setKey(set), environment, expectedVersion, { description: [description, environment.description] });
    await noteEnvironment(tx, set, { description, isArchived: isArchivedItself }, clock.now(), principal.label);
    return { environment: (await requireEnvironment(tx, set)).environment };
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
    const { environment, isArchivedItself } = await requireEnvironment(tx, set);
    if (isArchivedItself === isArchived) return { environment };
    const what = `environment ${isArchived ? 'archived' : 'restored'}`;
    await markSet(write, set, principal.label, what, reason);
    const notes = { description: environment.description, isArchived };
    await noteEnvironment(tx, set, notes, clock.now(), principal.label);
    return { environment: (await requireEnvironment(tx, set)).environment };
  });
}
