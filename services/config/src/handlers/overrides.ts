import { entityKey } from '@sluice/codec';
import { type Call, invalid, requireKind, requireSet, requireWrite } from '@sluice/mesh';
import type {
  DeleteOverrideRequest,
  DeleteOverrideResponse,
  ListOverridesRequest,
  ListOverridesResponse,
  Override,
  PutOverrideRequest,
  PutOverrideResponse,
} from '@sluice/proto';
import type { Context } from '../context.js';
import type { Head } from '../head.js';
import { checkIdType, checkReason } from '../names.js';
import { checkUnitIds, usualIdType } from '../override-values.js';
import { orderOf, pageOf, pageSizeOf } from '../paging.js';
import { overridesOf, planDeleteOverride, planPutOverride, requireTarget } from '../plan-override.js';
import { readHead } from './entities.js';

const idsMax = 1_000;

export async function handlePutOverride(
  { writer }: Context,
  { set: asked, ref, idType, unitIds, value, reason }: PutOverrideRequest,
  { principal }: Call,
): Promise<PutOverrideResponse> {
  requireKind(principal, 'console');
  requireWrite(principal);
  const set = requireSet(principal, asked);
  checkReason(reason);
  checkIdType('id_type', idType);
  if (unitIds.length === 0) throw invalid('unit_ids', 'are empty; say whose answer to override');
  checkUnitIds('unit_ids', unitIds, idsMax);
  const { head } = await writer.write({
    ...{ set, author: principal.label, reason },
    plan: (current) =>
      planPutOverride(current, requireTarget(current, ref), { idType: idType || usualIdType, unitIds, value }),
  });
  return { revision: head.revision, version: versionOf(head, ref), committedAtMs: head.committedAtMs };
}

export async function handleDeleteOverride(
  { writer }: Context,
  { set: asked, ref, idType, unitIds, reason }: DeleteOverrideRequest,
  { principal }: Call,
): Promise<DeleteOverrideResponse> {
  requireKind(principal, 'console');
  requireWrite(principal);
  const set = requireSet(principal, asked);
  checkReason(reason);
  checkUnitIds('unit_ids', unitIds, idsMax);
  let removed = 0;
  const { head } = await writer.write({
    ...{ set, author: principal.label, reason },
    plan: (current) => {
      const decided = planDeleteOverride(current, requireTarget(current, ref), {
        idType: idType || usualIdType,
        unitIds,
      });
      removed = decided.removed;
      return decided.plan;
    },
  });
  return { revision: head.revision, removed, version: versionOf(head, ref), committedAtMs: head.committedAtMs };
}

function versionOf(head: Head, ref: PutOverrideRequest['ref']): number {
  return (ref && head.entities.get(entityKey(ref))?.entity.version) ?? 0;
}

export async function handleListOverrides(
  context: Context,
  { set: asked, ref, pageSize, pageToken, nameContains = '', unitId }: ListOverridesRequest,
  { principal }: Call,
): Promise<ListOverridesResponse> {
  requireKind(principal, 'console', 'server');
  const size = pageSizeOf(pageSize, 100, 1_000);
  const after = orderOf(pageToken, /^\d{3}\/.*\n\d{6}$/s);
  const head = await readHead(context, requireSet(principal, asked));
  const entities = ref ? [requireTarget(head, ref).entity] : [...head.entities.values()].map(({ entity }) => entity);
  const all = entities
    .filter(({ name }) => name.includes(nameContains))
    .flatMap((entity) =>
      overridesOf(head, entity).map((override, index) => ({ override, place: placeOf(override, index) })),
    )
    .filter(({ override }) => unitId === undefined || override.unitIds.includes(unitId))
    .sort((a, b) => (a.place < b.place ? -1 : 1));
  const { items, nextPageToken } = pageOf(all, ({ place }) => place, after, size);
  return { overrides: items.map(({ override }) => override), nextPageToken, revision: head.revision };
}

/** Orders by entity, then as overrides are tried; also what a page token holds. */
function placeOf({ ref }: Override, index: number): string {
  return `${String(ref?.section).padStart(3, '0')}/${ref?.name}\n${String(index).padStart(6, '0')}`;
}
