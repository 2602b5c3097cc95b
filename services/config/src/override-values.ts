/** What units are given by overrides, and how that becomes rules. */
import { createHash } from 'node:crypto';
import { didYouMean, entityKey } from '@sluice/codec';
import { type JsonNode, readJson, writeJson } from '@sluice/engine';
import { invalid, notFound } from '@sluice/mesh';
import { type EntityRef, type OverrideValue, Section, type Spec } from '@sluice/proto';
import { findGroup, groupsOf } from './override-groups.js';
import { type Answer, type OverrideRule, overrideRuleOf, type Target } from './override-rules.js';

/** Units of one value and id type. */
export const unitsMax = 10_000;
export const usualIdType = 'userID';
const longestId = 1_000;

const overridable: ReadonlySet<Section> = new Set([Section.GATE, Section.CONFIG, Section.LAYER]);

/** Whether something is of a kind that has overrides. */
export const isOverridable = ({ section }: EntityRef): boolean => overridable.has(section);

/** @throws SluiceError `invalid` naming the unit. */
export function checkUnitIds(field: string, unitIds: readonly string[], max: number): void {
  if (unitIds.length > max) throw invalid(field, `are ${unitIds.length}; send at most ${max} at once`);
  unitIds.forEach((id, index) => {
    if (id !== '' && id.length <= longestId) return;
    throw invalid(`${field}[${index}]`, `has ${id.length} characters; an id has 1 to ${longestId}`);
  });
}

/** Some units get an answer; one that had another loses it. */
export interface OverrideRequest {
  readonly idType: string;
  readonly unitIds: readonly string[];
  readonly value: OverrideValue | undefined;
}

/**
 * The overrides with those of a request.
 * @param prefix - of the fields that errors name, for a request that is part of another.
 * @throws SluiceError naming the field that is wrong.
 */
export function putInto(
  overrides: readonly OverrideRule[],
  target: Target,
  { idType, unitIds, value }: OverrideRequest,
  prefix = '',
): OverrideRule[] {
  const fresh = overrideRuleOf(target, idType, answerOf(target, value, prefix));
  const kept = overrides.map((one) => (one.rule.idType === idType ? less(one, unitIds) : one));
  const same = kept.find(({ rule }) => rule.id === fresh.id);
  const units = [...new Set([...(same?.unitIds ?? []), ...unitIds])].sort();
  if (units.length > unitsMax) {
    const message = `would make ${units.length} units for one value; the limit is ${unitsMax}: use an id list and a rule`;
    throw invalid(`${prefix}unit_ids`, message);
  }
  const changed = { rule: fresh, unitIds: units };
  return same ? kept.map((one) => (one === same ? changed : one)) : [...kept, changed];
}

export function less(one: OverrideRule, unitIds: readonly string[]): OverrideRule {
  const gone = new Set(unitIds);
  return { ...one, unitIds: one.unitIds.filter((id) => !gone.has(id)) };
}

function answerOf({ kind, spec, ref }: Target, value: OverrideValue | undefined, prefix: string): Answer {
  const given = value?.kind;
  const field = `${prefix}value`;
  if (kind === 'gate') {
    if (given?.$case !== 'boolValue') throw invalid(field, `must be a bool_value: ${entityKey(ref)} is true or false`);
    return { word: String(given.value), json: String(given.value) };
  }
  if (spec.entity === 'experiment') {
    if (given?.$case !== 'groupName') throw invalid(field, 'must be a group_name: an experiment answers by its groups');
    return groupAnswer(spec, ref, given.value, `${field}.group_name`);
  }
  if (given?.$case !== 'json') throw invalid(field, `must be json: ${entityKey(ref)} answers with an object`);
  const text = objectText(given.value, `${field}.json`);
  return { word: createHash('sha256').update(text).digest('hex').slice(0, 12), json: given.value };
}

function groupAnswer(spec: Spec, ref: EntityRef, groupName: string, field: string): Answer {
  const group = findGroup(spec, groupName);
  if (group) return { word: groupName, json: group.returnValueJson, groupName };
  const names = [...new Set(groupsOf(spec).flatMap((rule) => rule.groupName ?? []))];
  const hint = didYouMean(groupName, names) || (names.length > 0 ? `; it has ${names.join(', ')}` : '; it has none');
  throw notFound(field, `${entityKey(ref)} has no group ${JSON.stringify(groupName)}${hint}`);
}

/** One spelling of an object. @throws SluiceError `invalid`. */
function objectText(json: string, field: string): string {
  let value: JsonNode;
  try {
    value = readJson(json);
  } catch (error) {
    throw invalid(field, `is not JSON: ${error instanceof Error ? error.message : ''}`);
  }
  if (!(value instanceof Map)) throw invalid(field, 'must be an object with named parameters');
  // Not by way of JavaScript's numbers: two long ones must not become one.
  return writeJson(value);
}
