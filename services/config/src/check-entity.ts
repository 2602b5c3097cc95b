import { entityKey, idListKeysProblem, idListMax, sectionOf } from '@sluice/codec';
import { readJson } from '@sluice/engine';
import { type Entity, type Rule, Section } from '@sluice/proto';

const longestName = 512;
const rulesMax = 10_000;
const longestDescription = 1_000;
const keyLength = 8;

/**
 * What keeps an entity from being stored at all, whatever else is in the set.
 * @param seen - keys of the entities before it.
 */
export function problemOf(entity: Entity | undefined, seen: ReadonlySet<string>): string | undefined {
  if (!entity) return 'has no entity; leave it out or fill it in';
  const section = sectionOf(entity);
  const { name, body } = entity;
  if (section === Section.UNSPECIFIED) {
    return `${JSON.stringify(name.slice(0, 80))} has no body; leave it out or fill it in`;
  }
  if (section === Section.KEY) return 'is a key; create keys with CreateKey';
  if (name === '') return 'has no name; give it one';
  if (name.length > longestName) return `has a name of ${name.length} characters; the limit is ${longestName}`;
  const said = entity.description?.length ?? 0;
  if (said > longestDescription) {
    return `${entityKey(entity)} has a description of ${said} characters; the limit is ${longestDescription}`;
  }
  if (seen.has(entityKey(entity))) return `${entityKey(entity)} is there twice; keep one`;
  if (body?.$case === 'idList' && body.value.keys.length > idListMax * keyLength) {
    return `${entityKey(entity)} holds more than ${idListMax.toLocaleString('en')} ids; split it`;
  }
  if (body?.$case === 'gate' || body?.$case === 'config' || body?.$case === 'layer') {
    const count = body.value.rules.length;
    return count > rulesMax ? `${entityKey(entity)} has ${count} rules; the limit is ${rulesMax}` : undefined;
  }
  return undefined;
}

/** What a document of another system may hold, but nobody may write: texts that are not what they should be. */
export function problemOfContent(entity: Entity): string | undefined {
  const { body } = entity;
  if (body?.$case === 'idList') {
    const problem = idListKeysProblem(body.value.keys);
    return problem && `${entityKey(entity)} ${problem}`;
  }
  if (body?.$case === 'gate' || body?.$case === 'config' || body?.$case === 'layer') {
    const problem = problemOfRules(body.value.rules);
    return problem && `${entityKey(entity)} ${problem}`;
  }
  if (body?.$case !== 'settingJson') return undefined;
  try {
    readJson(body.value);
    return undefined;
  } catch (error) {
    return `${entityKey(entity)} is not JSON: ${error instanceof Error ? error.message : ''}`;
  }
}

/** Engines take any number for a percentage; an author who writes 150 meant something else. */
function problemOfRules(rules: readonly Rule[]): string | undefined {
  for (const [index, { passPercentage }] of rules.entries()) {
    if (passPercentage >= 0 && passPercentage <= 100) continue;
    return `rules[${index}].passPercentage is ${passPercentage}; it must be between 0 and 100`;
  }
  return undefined;
}
