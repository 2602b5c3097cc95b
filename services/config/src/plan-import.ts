import { entityKey, sectionOf } from '@sluice/codec';
import { type FieldProblem, invalid, invalidFields } from '@sluice/mesh';
import { type Entity, type EntityRef, Section } from '@sluice/proto';
import type { Head, Plan } from './head.js';

const entitiesMax = 200_000;
const longestName = 512;
const problemsShown = 20;

/**
 * Replaces everything but keys: what is not in `entities` goes.
 * @throws SluiceError `invalid` naming each entity that can't be stored.
 */
export function planImport(head: Head, entities: readonly Entity[]): Plan {
  if (entities.length > entitiesMax) throw invalid('entities', `are ${entities.length}; the limit is ${entitiesMax}`);
  const wanted = new Set<string>();
  const problems: FieldProblem[] = [];
  entities.forEach((entity, index) => {
    const message = problemOf(entity, wanted);
    if (message) problems.push({ field: `entities[${index}]`, message });
    wanted.add(entityKey(entity));
  });
  if (problems.length > 0) throw invalidFields(problems.slice(0, problemsShown));
  const deletions: EntityRef[] = [];
  for (const [key, { entity }] of head.entities) {
    const section = sectionOf(entity);
    if (section !== Section.KEY && !wanted.has(key)) deletions.push({ section, name: entity.name });
  }
  return { upserts: entities, deletions };
}

function problemOf(entity: Entity, seen: ReadonlySet<string>): string | undefined {
  const section = sectionOf(entity);
  if (section === Section.UNSPECIFIED) return `${JSON.stringify(entity.name)} has no body; leave it out or fill it in`;
  if (section === Section.KEY) return 'is a key; create keys with CreateKey';
  if (entity.name.length > longestName)
    return `has a name of ${entity.name.length} characters; the limit is ${longestName}`;
  if (seen.has(entityKey(entity))) return `${entityKey(entity)} is there twice; keep one`;
  return undefined;
}
