import { type Entity, Section } from '@sluice/proto';
import { answerersOf, type EntityReference, referencesOf } from './entity-references.js';
import type { EntityChangeSet, EntityProblem, EntityTable } from './entity-table.js';
import { entityKey, sectionWord } from './sections.js';
import { didYouMean } from './suggest.js';

/** Suggestions cost a look at every name; a change that is wrong all over needs only a few. */
const suggestionsMax = 10;

/**
 * Mentions of what is not there: in the entities that a change wrote, and, when it took some
 * away, in all others. A mention that led nowhere before the change is reported as old.
 */
export function findDangling(change: EntityChangeSet): EntityProblem[] {
  const problems: EntityProblem[] = [];
  const written = new Set(change.upserts.map(entityKey));
  for (const entity of change.upserts) collect(entity, change, problems);
  if (change.removed.size === 0) return problems;
  for (const { entity } of change.after.values()) {
    if (!written.has(entityKey(entity))) collect(entity, change, problems);
  }
  return problems;
}

function collect(entity: Entity, { before, after, removed }: EntityChangeSet, problems: EntityProblem[]): void {
  for (const reference of referencesOf(entity)) {
    if (isThere(after, reference)) continue;
    const key = entityKey(entity);
    const target = entityKey(reference.to);
    const isOld = !isThere(before, reference) && mentions(before.get(key)?.entity, target);
    const gone = answerersOf(reference).find((one) => removed.has(one));
    const message = gone
      ? `still refers to ${gone}; change ${key} first`
      : `there is no ${target}${hint(reference, after, problems.length)}; write it too, or take the mention out`;
    problems.push({ key, path: reference.path, message, isOld });
  }
}

function isThere(table: EntityTable, reference: EntityReference): boolean {
  return answerersOf(reference).some((key) => table.has(key));
}

function mentions(entity: Entity | undefined, target: string): boolean {
  return entity !== undefined && referencesOf(entity).some(({ to }) => entityKey(to) === target);
}

function hint({ to }: EntityReference, table: EntityTable, shown: number): string {
  if (shown >= suggestionsMax || to.section === Section.CONDITION) return '';
  const prefix = `${sectionWord(to.section)}/`;
  const names: string[] = [];
  for (const key of table.keys()) if (key.startsWith(prefix)) names.push(key.slice(prefix.length));
  return didYouMean(to.name, names).replace(/\?$/, '');
}

/** What mentions an entity, such as `gate/checkout rules[0].conditionIds[0]`; at most `max`. */
export function mentionsOf(table: EntityTable, target: string, max: number): string[] {
  const found: string[] = [];
  for (const { entity } of table.values()) {
    for (const { path, to } of referencesOf(entity)) {
      if (entityKey(to) === target) found.push(`${entityKey(entity)} ${path}`);
      if (found.length >= max) return found;
    }
  }
  return found;
}
