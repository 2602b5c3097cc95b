import { createHash } from 'node:crypto';
import { didYouMean, entityKey, sectionOf } from '@sluice/codec';
import { type JsonNode, readJson, writeJson } from '@sluice/engine';
import { invalid, notFound } from '@sluice/mesh';
import {
  type Entity,
  type EntityRef,
  type Override,
  type OverrideValue,
  type Rule,
  Section,
  type Spec,
} from '@sluice/proto';
import { Draft } from './draft.js';
import type { Head, Plan } from './head.js';
import { settleLayer } from './keep-overrides.js';
import { layerNameOf } from './layer-overrides.js';
import { findGroup, groupsOf } from './override-groups.js';
import {
  type Answer,
  findTarget,
  type OverrideRule,
  overrideRuleOf,
  overrideRulesOf,
  type Target,
  withOverrides,
} from './override-rules.js';
import { missingEntity } from './plan-archive.js';

/** Units of one value and id type. */
const unitsMax = 10_000;

const overridable: ReadonlySet<Section> = new Set([Section.GATE, Section.CONFIG, Section.LAYER]);

/** The entity that is to be overridden. @throws SluiceError `invalid` for a kind without overrides, or `not_found`. */
export function requireTarget(head: Head, ref: EntityRef | undefined): Target {
  if (!ref || !overridable.has(ref.section)) {
    throw invalid('ref', 'must name a gate, config, experiment or layer: only these have overrides');
  }
  const target = findTarget(head.entities, ref);
  if (!target) throw missingEntity(head, ref);
  return target;
}

/** Some units get an answer; one that had another loses it. */
export interface OverrideRequest {
  readonly idType: string;
  readonly unitIds: readonly string[];
  readonly value: OverrideValue | undefined;
}

/** @throws SluiceError naming the field that is wrong. */
export function planPutOverride(head: Head, target: Target, { idType, unitIds, value }: OverrideRequest): Plan {
  const fresh = overrideRuleOf(target, idType, answerOf(target, value));
  const kept = overrideRulesOf(head.entities, target).map((one) =>
    one.rule.idType === idType ? less(one, unitIds) : one,
  );
  const same = kept.find(({ rule }) => rule.id === fresh.id);
  const units = [...new Set([...(same?.unitIds ?? []), ...unitIds])].sort();
  if (units.length > unitsMax) {
    const message = `would make ${units.length} units for one value; the limit is ${unitsMax}: use an id list and a rule`;
    throw invalid('unit_ids', message);
  }
  const changed = { rule: fresh, unitIds: units };
  return replaceOverrides(head, target, same ? kept.map((one) => (one === same ? changed : one)) : [...kept, changed]);
}

/** The plan, and how many units lose an override. Without ids all units of the id type do. */
export function planDeleteOverride(
  head: Head,
  target: Target,
  { idType, unitIds }: Omit<OverrideRequest, 'value'>,
): { readonly plan: Plan; readonly removed: number } {
  const held = overrideRulesOf(head.entities, target);
  const kept = held.map((one) => {
    if (one.rule.idType !== idType) return one;
    return unitIds.length === 0 ? { ...one, unitIds: [] } : less(one, unitIds);
  });
  const removed = count(held) - count(kept);
  return { plan: removed === 0 ? nothing : replaceOverrides(head, target, kept), removed };
}

const nothing: Plan = { upserts: [], deletions: [] };

const count = (rules: readonly OverrideRule[]): number => rules.reduce((sum, { unitIds }) => sum + unitIds.length, 0);

function less(one: OverrideRule, unitIds: readonly string[]): OverrideRule {
  const gone = new Set(unitIds);
  return { ...one, unitIds: one.unitIds.filter((id) => !gone.has(id)) };
}

function answerOf({ kind, spec, ref }: Target, value: OverrideValue | undefined): Answer {
  const given = value?.kind;
  if (kind === 'gate') {
    if (given?.$case !== 'boolValue')
      throw invalid('value', `must be a bool_value: ${entityKey(ref)} is true or false`);
    return { word: String(given.value), json: String(given.value) };
  }
  if (spec.entity === 'experiment') {
    if (given?.$case !== 'groupName')
      throw invalid('value', 'must be a group_name: an experiment answers by its groups');
    return groupAnswer(spec, ref, given.value);
  }
  if (given?.$case !== 'json') throw invalid('value', `must be json: ${entityKey(ref)} answers with an object`);
  return { word: createHash('sha256').update(objectText(given.value)).digest('hex').slice(0, 12), json: given.value };
}

function groupAnswer(spec: Spec, ref: EntityRef, groupName: string): Answer {
  const group = findGroup(spec, groupName);
  if (group) return { word: groupName, json: group.returnValueJson, groupName };
  const names = [...new Set(groupsOf(spec).flatMap((rule) => rule.groupName ?? []))];
  const hint = didYouMean(groupName, names) || (names.length > 0 ? `; it has ${names.join(', ')}` : '; it has none');
  throw notFound('value.group_name', `${entityKey(ref)} has no group ${JSON.stringify(groupName)}${hint}`);
}

/** One spelling of an object. @throws SluiceError `invalid`. */
function objectText(json: string): string {
  let value: JsonNode;
  try {
    value = readJson(json);
  } catch (error) {
    throw invalid('value.json', `is not JSON: ${error instanceof Error ? error.message : ''}`);
  }
  if (!(value instanceof Map)) throw invalid('value.json', 'must be an object with named parameters');
  // Not by way of JavaScript's numbers: two long ones must not become one.
  return writeJson(value);
}

/** An entity's overrides become others, and its layer follows. */
function replaceOverrides(head: Head, target: Target, overrides: readonly OverrideRule[]): Plan {
  const draft = new Draft(head, nothing);
  draft.add(withOverrides(draft, target, overrides));
  const layer = target.kind === 'config' ? layerNameOf(draft, target.ref.name) : undefined;
  if (layer !== undefined) settleLayer(draft, layer, [target.ref.name]);
  return draft.plan;
}

/** The overrides of one entity, in the order in which they are tried. */
export function overridesOf(head: Head, entity: Entity): Override[] {
  const ref = { section: sectionOf(entity), name: entity.name };
  const target = findTarget(head.entities, ref);
  if (!target) return [];
  return overrideRulesOf(head.entities, target)
    .filter(({ rule }) => rule.configDelegate === undefined)
    .map(({ rule, unitIds }) => ({
      ref,
      idType: rule.idType,
      unitIds: [...unitIds],
      value: valueOfRule(target, rule),
    }));
}

function valueOfRule({ kind, spec }: Target, { groupName, returnValueJson }: Rule): OverrideValue {
  if (kind === 'gate') return { kind: { $case: 'boolValue', value: returnValueJson === 'true' } };
  if (spec.entity === 'experiment') return { kind: { $case: 'groupName', value: groupName ?? '' } };
  return { kind: { $case: 'json', value: returnValueJson } };
}
