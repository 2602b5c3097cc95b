import { entityKey, sectionOf } from '@sluice/codec';
import { type FieldProblem, invalid, invalidFields } from '@sluice/mesh';
import { type Entity, type EntityOverrides, type EntityRef, Section } from '@sluice/proto';
import { problemOf } from './check-entity.js';
import type { Head, Plan } from './head.js';
import { keepOverrides } from './keep-overrides.js';

const entitiesMax = 200_000;
const problemsShown = 20;

/**
 * Replaces everything but keys: what is not in `entities` goes. The overrides of what is stay
 * unless others are stated, but not beside a document of another system, which has its own.
 * @throws SluiceError `invalid` naming each entity that can't be stored.
 */
export function planImport(
  head: Head,
  entities: readonly Entity[],
  isForeign = false,
  overrides: readonly EntityOverrides[] = [],
): Plan {
  if (entities.length > entitiesMax) throw invalid('entities', `are ${entities.length}; the limit is ${entitiesMax}`);
  const wanted = new Set<string>();
  const problems: FieldProblem[] = [];
  entities.forEach((entity, index) => {
    const message = problemOf(entity, wanted);
    if (message) problems.push({ field: `entities[${index}]`, message });
    wanted.add(entityKey(entity));
  });
  if (problems.length > 0) throw invalidFields(problems.slice(0, problemsShown));
  const plan = { upserts: entities, deletions: absentFrom(head, wanted) };
  if (!isForeign) return keepOverrides(head, plan, overrides);
  if (overrides.length === 0) return plan;
  throw invalid('overrides', 'go not with is_tolerant: documents of other systems have rules for that');
}

/** What a head holds beyond some entities, without keys: those are granted and revoked, never replaced. */
export function absentFrom(head: Head, wanted: ReadonlySet<string>): EntityRef[] {
  const absent: EntityRef[] = [];
  for (const [key, { entity }] of head.entities) {
    const section = sectionOf(entity);
    if (section !== Section.KEY && !wanted.has(key)) absent.push({ section, name: entity.name });
  }
  return absent;
}
