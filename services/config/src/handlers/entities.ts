import { entityKey, sectionOf, switchGate } from '@sluice/codec';
import { type Call, invalid, notFound, requireKind, requireSet } from '@sluice/mesh';
import {
  ArchiveState,
  type EntitySummary,
  type GetEntityRequest,
  type GetEntityResponse,
  type ListEntitiesRequest,
  type ListEntitiesResponse,
  Section,
  type SetRef,
} from '@sluice/proto';
import type { Context } from '../context.js';
import type { Head, Held } from '../head.js';
import { setKey } from '../names.js';
import { orderOf, pageOf, pageSizeOf } from '../paging.js';
import { missingEntity } from '../plan-archive.js';
import { readPastEntity } from '../revision-store.js';
import { listArchived, readArchivedEntity } from '../store.js';

const defaultPageSize = 100;
const largestPage = 1_000;
const defaultSections: readonly Section[] = [Section.GATE, Section.CONFIG, Section.LAYER];

export async function handleListEntities(
  context: Context,
  request: ListEntitiesRequest,
  { principal }: Call,
): Promise<ListEntitiesResponse> {
  requireKind(principal, 'console', 'server');
  const set = requireSet(principal, request.set);
  const head = await readHead(context, set);
  const size = pageSizeOf(request.pageSize, defaultPageSize, largestPage);
  const after = orderOf(request.pageToken, /^\d{3}\//);
  const sections = request.sections.length > 0 ? request.sections : defaultSections;
  const matching = (await listed(context, set, head, request, sections))
    .filter(({ held }) => sections.includes(sectionOf(held.entity)))
    .filter(({ held }) => held.entity.name.includes(request.nameContains))
    .filter(({ held }) => request.entity === '' || kindOf(held) === request.entity)
    .map((one) => ({ ...one, order: placeOf(one.held) }))
    .sort((a, b) => (a.order < b.order ? -1 : 1));
  const { items, nextPageToken } = pageOf(matching, ({ order }) => order, after, size);
  return {
    entities: items.map(({ held, isArchived }) => summarise(held, isArchived)),
    nextPageToken,
    revision: head.revision,
  };
}

interface Listed {
  readonly held: Held;
  readonly isArchived: boolean;
}

async function listed(
  { db }: Context,
  set: SetRef,
  head: Head,
  { archiveState, nameContains }: ListEntitiesRequest,
  sections: readonly Section[],
): Promise<Listed[]> {
  const live = archiveState === ArchiveState.ARCHIVED ? [] : [...head.entities.values()];
  const isLiveOnly = archiveState === ArchiveState.UNSPECIFIED || archiveState === ArchiveState.LIVE;
  const archived = isLiveOnly ? [] : await listArchived(db, set, sections, nameContains);
  return [
    ...live.map((held) => ({ held, isArchived: false })),
    ...archived.map((held) => ({ held, isArchived: true })),
  ];
}

export async function handleGetEntity(
  context: Context,
  { set: asked, ref, revision }: GetEntityRequest,
  { principal }: Call,
): Promise<GetEntityResponse> {
  requireKind(principal, 'console', 'server');
  if (!ref) throw invalid('ref', 'is not set; name the section and the entity');
  const set = requireSet(principal, asked);
  const head = await readHead(context, set);
  if (revision > head.revision) {
    throw notFound('revision', `there is no revision ${revision} of ${setKey(set)}; the newest is ${head.revision}`);
  }
  if (revision !== 0 && revision !== head.revision) {
    const past = await readPastEntity(context.db, set, ref, revision);
    if (past) return { ...past, revision };
    throw notFound('ref.name', `there was no ${entityKey(ref)} in revision ${revision} yet`);
  }
  const live = head.entities.get(entityKey(ref));
  const held = live ?? (await readArchivedEntity(context.db, set, ref));
  if (!held) throw missingEntity(head, ref);
  const { entity, changedInRevision, changedAtMs, changedBy } = held;
  return { entity, revision: head.revision, isArchived: !live, changedInRevision, changedAtMs, changedBy };
}

export async function readHead({ db, heads }: Pick<Context, 'db' | 'heads'>, set: SetRef): Promise<Head> {
  const head = await heads.current(db, set);
  if (head) return head;
  throw notFound('set', `${setKey(set)} does not exist; import or apply a ruleset to create it`);
}

/** Orders by section, then name; also what a page token holds. */
function placeOf({ entity }: Held): string {
  return `${String(sectionOf(entity)).padStart(3, '0')}/${entity.name}`;
}

function kindOf({ entity: { body } }: Held): string {
  const isSpec = body?.$case === 'gate' || body?.$case === 'config' || body?.$case === 'layer';
  return isSpec ? body.value.entity : '';
}

function summarise(held: Held, isArchived: boolean): EntitySummary {
  const { entity, changedInRevision, changedAtMs, changedBy } = held;
  const { body, name, version } = entity;
  const isSpec = body?.$case === 'gate' || body?.$case === 'config' || body?.$case === 'layer';
  // What a gate does when switched on: the rule that switches it off is not one of its author's.
  const spec = isSpec ? switchGate(body.value, true) : undefined;
  return {
    ref: { section: sectionOf(entity), name },
    entity: kindOf(held),
    isEnabled: isSpec && body.value.enabled,
    ruleCount: spec?.rules.length ?? 0,
    rolloutPercentage: spec?.rules.at(-1)?.passPercentage,
    version,
    changedInRevision,
    changedAtMs,
    changedBy,
    isArchived,
  };
}
