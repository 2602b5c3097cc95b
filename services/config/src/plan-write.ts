import { entityKey } from '@sluice/codec';
import { type FieldProblem, invalid, invalidFields } from '@sluice/mesh';
import type { Entity, EntityOverrides, EntityWrite } from '@sluice/proto';
import { problemOf, problemOfContent } from './check-entity.js';
import type { Head, Plan } from './head.js';
import { keepOverrides } from './keep-overrides.js';
import { findUnused } from './unused-conditions.js';

const writesMax = 1_000;
const problemsShown = 20;

/** The entities of a request that can be stored. @throws SluiceError `invalid` naming each that can't. */
export function entitiesOf(writes: readonly EntityWrite[]): Entity[] {
  if (writes.length === 0) throw invalid('writes', 'are empty; say what to write');
  if (writes.length > writesMax) {
    throw invalid('writes', `are ${writes.length}; the limit is ${writesMax}, so write them in several calls`);
  }
  const seen = new Set<string>();
  const problems: FieldProblem[] = [];
  const entities = writes.flatMap(({ entity }, index) => {
    const message = problemOf(entity, seen) ?? (entity && problemOfContent(entity));
    if (message) problems.push({ field: `writes[${index}].entity`, message });
    if (entity) seen.add(entityKey(entity));
    return entity ? [entity] : [];
  });
  if (problems.length > 0) throw invalidFields(problems.slice(0, problemsShown));
  return entities;
}

/** Overrides stay unless others are stated; conditions that nothing names any more go with the rules that did. */
export function planWrite(head: Head, entities: readonly Entity[], overrides: readonly EntityOverrides[] = []): Plan {
  const { upserts, deletions } = keepOverrides(head, { upserts: entities, deletions: [] }, overrides);
  return { upserts, deletions: [...deletions, ...findUnused(head, upserts, deletions)] };
}
