import { entityKey, idListKeysProblem, idListMax, sectionOf } from '@sluice/codec';
import { readJson } from '@sluice/engine';
import { type Condition, type Entity, type Rule, Section } from '@sluice/proto';
import { longestIdType, longestName } from './names.js';

const rulesMax = 10_000;
const conditionsOfRuleMax = 1_000;
/** Of all rules of an entity. */
const conditionsMax = 100_000;
/** Values that a condition compares with: each call may look at all of them. Longer lists are id lists. */
const valuesMax = 10_000;
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
  if (name.includes('\0')) return `${JSON.stringify(name.slice(0, 80))} has a NUL character in its name; take it out`;
  const said = entity.description?.length ?? 0;
  if (said > longestDescription) {
    return `${entityKey(entity)} has a description of ${said} characters; the limit is ${longestDescription}`;
  }
  if (seen.has(entityKey(entity))) return `${entityKey(entity)} is there twice; keep one`;
  if (body?.$case === 'idList' && body.value.keys.length > idListMax * keyLength) {
    return `${entityKey(entity)} holds more than ${idListMax.toLocaleString('en')} ids; split it`;
  }
  if (body?.$case === 'gate' || body?.$case === 'config' || body?.$case === 'layer') {
    const problem = problemOfCounts(body.value.rules);
    return problem && `${entityKey(entity)} ${problem}`;
  }
  if (body?.$case === 'condition') {
    const problem = problemOfValues(body.value);
    return problem && `${entityKey(entity)} ${problem}`;
  }
  return undefined;
}

function problemOfCounts(rules: readonly Rule[]): string | undefined {
  if (rules.length > rulesMax) return `has ${rules.length} rules; the limit is ${rulesMax}`;
  let all = 0;
  for (const [index, { conditionIds }] of rules.entries()) {
    all += conditionIds.length;
    if (conditionIds.length <= conditionsOfRuleMax) continue;
    return `rules[${index}] has ${conditionIds.length} conditions; the limit is ${conditionsOfRuleMax}`;
  }
  return all > conditionsMax ? `has rules with ${all} conditions in all; the limit is ${conditionsMax}` : undefined;
}

function problemOfValues({ targetValueJson = '' }: Condition): string | undefined {
  // Each value has at least a character, and a comma.
  if (targetValueJson.length <= valuesMax * 2) return undefined;
  const count = countValues(targetValueJson);
  if (count <= valuesMax) return undefined;
  return `compares with ${count} values; the limit is ${valuesMax}: upload an id list, and ask for that`;
}

/** Of what is no list, or no JSON, the compiler speaks. */
function countValues(json: string): number {
  try {
    const value: unknown = JSON.parse(json);
    return Array.isArray(value) ? value.length : 1;
  } catch {
    return 1;
  }
}

/** What a document of another system may hold, but nobody may write: texts that are not what they should be. */
export function problemOfContent(entity: Entity): string | undefined {
  const { body } = entity;
  if (body?.$case === 'idList') {
    const { keys, idType } = body.value;
    const isLong = idType.length > longestIdType;
    const problem = isLong ? `has an id type of more than ${longestIdType} characters` : idListKeysProblem(keys);
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
