import { didYouMean, entityKey, mentionsOf, sectionOf } from '@sluice/codec';
import { invalid, notFound, preconditionFailed, SluiceError } from '@sluice/mesh';
import { ChangeKind, type Entity, type EntityRef, Section } from '@sluice/proto';
import { Draft } from './draft.js';
import type { Head, Held, Plan } from './head.js';
import { settleLayer } from './keep-overrides.js';
import { layerNameOf } from './layer-overrides.js';
import type { View } from './override-rules.js';
import { conditionIdsOf, findUnused, isNamedByContent } from './unused-conditions.js';

const mentionsShown = 10;
/** Looked at: some are the entity's own, others conditions that are out of use. */
const mentionsMax = 100;

/** A ref that archive and restore can work on. @throws SluiceError `invalid`. */
export function requireRef(ref: EntityRef | undefined): EntityRef {
  if (!ref || ref.section === Section.UNSPECIFIED) {
    throw invalid('ref', 'is not set; name the section and the entity');
  }
  if (ref.section === Section.KEY) throw invalid('ref', 'is a key; use ArchiveKey and RestoreKey');
  return ref;
}

/** What belongs to a config and to nothing else goes and comes with it: its layer and its mappings. */
function companionsOf({ section, name }: EntityRef): EntityRef[] {
  if (section !== Section.CONFIG) return [];
  return [Section.EXPERIMENT_LAYER, Section.OVERRIDE].map((one) => ({ section: one, name }));
}

/** No entity of that name stands: there may be one of a similar name. */
export function missingEntity(head: Head, ref: EntityRef): SluiceError {
  const names: string[] = [];
  for (const { entity } of head.entities.values()) if (sectionOf(entity) === ref.section) names.push(entity.name);
  return notFound('ref.name', `there is no ${entityKey(ref)}${didYouMean(ref.name, names)}`);
}

/**
 * Takes an entity out of the ruleset.
 * @param archived - the entity, when it is out already.
 * @throws SluiceError naming everything that refers to it.
 */
export function planArchive(head: Head, ref: EntityRef, archived: Held | undefined): Plan {
  const key = entityKey(ref);
  if (!head.entities.has(key)) {
    if (!archived) throw missingEntity(head, ref);
    const when = `${JSON.stringify(archived.changedBy)} archived it in revision ${archived.changedInRevision}`;
    throw preconditionFailed('ref.name', `${key} is archived already: ${when}`);
  }
  const companions = companionsOf(ref).filter((one) => head.entities.has(entityKey(one)));
  const own = new Set(companions.map(entityKey));
  const draft = new Draft(head, { upserts: [], deletions: [...companions, ref] });
  settleOwnLayer(head.entities, draft, ref);
  const { upserts, deletions } = draft.plan;
  const table = new Map<string, { readonly entity: Entity }>(head.entities);
  for (const entity of upserts) table.set(entityKey(entity), { entity });
  const mentions = mentionsOf(table, key, mentionsMax).filter((mention) => !own.has(whoMentions(mention)));
  const { used, unused } = throughConditions(head, mentions);
  if (used.length > 0) throw stillUsed(key, used.slice(0, mentionsShown));
  const conditions = [...unused, ...findUnused(head, [], [ref])];
  return { upserts, deletions: [...deletions, ...conditions], departure: ChangeKind.ARCHIVED };
}

/** A layer hands overridden units to its experiments as long as these are there. */
function settleOwnLayer(view: View, draft: Draft, { section, name }: EntityRef): void {
  const layer = section === Section.CONFIG ? layerNameOf(view, name) : undefined;
  if (layer !== undefined) settleLayer(draft, layer, [name]);
}

const whoMentions = (mention: string): string => mention.slice(0, mention.lastIndexOf(' '));

/** Mentions by conditions become those of the rules that name the conditions; those that no rule names may go. */
function throughConditions(head: Head, mentions: readonly string[]): { used: string[]; unused: EntityRef[] } {
  const used: string[] = [];
  const unused: EntityRef[] = [];
  for (const mention of mentions) {
    const key = whoMentions(mention);
    const entity = head.entities.get(key)?.entity;
    const isMade = entity !== undefined && isNamedByContent(entity);
    const rules = isMade ? mentionsOf(head.entities, key, mentionsShown) : [mention];
    if (isMade && rules.length === 0) unused.push({ section: Section.CONDITION, name: entity.name });
    used.push(...rules);
  }
  return { used, unused };
}

function stillUsed(key: string, mentions: readonly string[]): SluiceError {
  const more = mentions.length === mentionsShown ? ' and maybe more' : '';
  const message = `${key} is still used by ${mentions.join(', ')}${more}; change or archive those first`;
  const problems = mentions.map((field) => ({ field, message: `refers to ${key}` }));
  return new SluiceError('precondition', `ref: ${message}`, { problems: [{ field: 'ref', message }, ...problems] });
}

/** Brings an entity back as it last was, with what went with it. */
export async function planRestore(
  head: Head,
  ref: EntityRef,
  readArchived: (ref: EntityRef) => Promise<Held | undefined>,
): Promise<Plan> {
  const key = entityKey(ref);
  if (head.entities.has(key)) throw preconditionFailed('ref.name', `${key} is not archived; there is nothing to do`);
  const archived = await readArchived(ref);
  if (!archived) throw missingEntity(head, ref);
  const upserts = [archived.entity];
  for (const companion of companionsOf(ref)) {
    const held = head.entities.has(entityKey(companion)) ? undefined : await readArchived(companion);
    // One that went before, on its own, stays away.
    if (held?.changedInRevision === archived.changedInRevision) upserts.push(held.entity);
  }
  for (const name of new Set(conditionIdsOf(archived.entity))) {
    const condition = { section: Section.CONDITION, name };
    const held = head.entities.has(entityKey(condition)) ? undefined : await readArchived(condition);
    if (held) upserts.push(held.entity);
  }
  const draft = new Draft(head, { upserts, deletions: [] });
  settleOwnLayer(draft, draft, ref);
  return { ...draft.plan, arrival: ChangeKind.RESTORED };
}
