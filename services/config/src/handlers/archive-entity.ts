import { entityKey } from '@sluice/codec';
import { type Call, requireKind, requireSet, requireWrite } from '@sluice/mesh';
import type {
  ArchiveEntityRequest,
  ArchiveEntityResponse,
  RestoreEntityRequest,
  RestoreEntityResponse,
} from '@sluice/proto';
import type { Context } from '../context.js';
import { checkReason } from '../names.js';
import { planArchive, planRestore, requireRef } from '../plan-archive.js';
import { refuseClash } from '../refuse-clash.js';
import { readArchivedEntity } from '../store.js';

export async function handleArchiveEntity(
  { writer }: Context,
  request: ArchiveEntityRequest,
  { principal }: Call,
): Promise<ArchiveEntityResponse> {
  requireKind(principal, 'console');
  requireWrite(principal);
  const set = requireSet(principal, request.set);
  checkReason(request.reason);
  const ref = requireRef(request.ref);
  const { expectedVersion } = request;
  const { head } = await writer.write({
    set,
    author: principal.label,
    reason: request.reason,
    plan: async (current, tx) => {
      const isHeld = current.entities.has(entityKey(ref));
      if (isHeld) await refuseClash(tx, set, current, [{ ref, expectedVersion, field: 'expected_version' }]);
      return planArchive(current, ref, isHeld ? undefined : await readArchivedEntity(tx, set, ref));
    },
  });
  return { revision: head.revision, committedAtMs: head.committedAtMs };
}

export async function handleRestoreEntity(
  { writer }: Context,
  request: RestoreEntityRequest,
  { principal }: Call,
): Promise<RestoreEntityResponse> {
  requireKind(principal, 'console');
  requireWrite(principal);
  const set = requireSet(principal, request.set);
  checkReason(request.reason);
  const ref = requireRef(request.ref);
  const { head } = await writer.write({
    set,
    author: principal.label,
    reason: request.reason,
    plan: (current, tx) => planRestore(current, ref, (one) => readArchivedEntity(tx, set, one)),
  });
  const version = head.entities.get(entityKey(ref))?.entity.version ?? 0;
  return { revision: head.revision, version, committedAtMs: head.committedAtMs };
}
