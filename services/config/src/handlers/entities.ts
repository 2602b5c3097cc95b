import { entityKey, sectionOf, switchGate } from '@sluice/codec';
import { type Call, invalid, notFound, requireKind, requireSet } from '@sluice/mesh';
import {
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

const defaultPageSize = 100;
const largestPage = 1_000;
const defaultSections: readonly Section[] = [Section.GATE, Section.CONFIG, Section.LAYER];

export async function handleListEntities(
  context: Context,
  request: ListEntitiesRequest,
  { principal }: Call,
): Promise<ListEntitiesResponse> {
  requireKind(principal, 'console', 'server');
  const head = await readHead(context, requireSet(principal, request.set));
  const pageSize = request.pageSize || defaultPageSize;
  if (pageSize > largestPage) throw invalid('page_size', `is ${pageSize}; it must be at most ${largestPage}`);
  const sections = request.sections.length > 0 ? request.sections : defaultSections;
  const after = request.pageToken === '' ? undefined : parseToken(request.pageToken);
  const matching = [...head.entities.values()]
    .filter(({ entity }) => sections.includes(sectionOf(entity)))
    .filter(({ entity }) => entity.name.includes(request.nameContains))
    .map((held) => ({ held, order: orderOf(held) }))
    .filter(({ order }) => after === undefined || order > after)
    .sort((a, b) => (a.order < b.order ? -1 : 1));
  const page = matching.slice(0, pageSize);
  const last = matching.length > pageSize ? page.at(-1) : undefined;
  return {
    entities: page.map(({ held }) => summarise(held)),
    nextPageToken: last ? Buffer.from(last.order).toString('base64url') : '',
    revision: head.revision,
  };
}

export async function handleGetEntity(
  context: Context,
  { set: asked, ref }: GetEntityRequest,
  { principal }: Call,
): Promise<GetEntityResponse> {
  requireKind(principal, 'console', 'server');
  if (!ref) throw invalid('ref', 'is not set; name the section and the entity');
  const head = await readHead(context, requireSet(principal, asked));
  const held = head.entities.get(entityKey(ref));
  if (!held) throw notFound('ref.name', `there is no ${entityKey(ref)}`);
  return { entity: held.entity, revision: head.revision };
}

export async function readHead({ db, heads }: Context, set: SetRef): Promise<Head> {
  const head = await heads.current(db, set);
  if (head) return head;
  throw notFound('set', `${setKey(set)} does not exist; import or apply a ruleset to create it`);
}

/** Orders by section, then name; also what a page token holds. */
function orderOf({ entity }: Held): string {
  return `${String(sectionOf(entity)).padStart(3, '0')}/${entity.name}`;
}

function parseToken(token: string): string {
  const order = Buffer.from(token, 'base64url').toString();
  if (/^\d{3}\//.test(order)) return order;
  throw invalid('page_token', 'is not one that a previous answer gave; leave it empty to start over');
}

function summarise({ entity, changedInRevision, changedAtMs, changedBy }: Held): EntitySummary {
  const { body, name, version } = entity;
  const isSpec = body?.$case === 'gate' || body?.$case === 'config' || body?.$case === 'layer';
  // What a gate does when switched on: the rule that switches it off is not one of its author's.
  const spec = isSpec ? switchGate(body.value, true) : undefined;
  return {
    ref: { section: sectionOf(entity), name },
    entity: spec?.entity ?? '',
    isEnabled: isSpec && body.value.enabled,
    ruleCount: spec?.rules.length ?? 0,
    rolloutPercentage: spec?.rules.at(-1)?.passPercentage,
    version,
    changedInRevision,
    changedAtMs,
    changedBy,
  };
}
