import { createHash } from 'node:crypto';
import { didYouMean, entityKey, sectionOf, switchGate } from '@sluice/codec';
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
import type { Head, Plan } from './head.js';
import { missingEntity } from './plan-archive.js';

/**
 * Overrides are rules of the entity itself, ahead of the others: conditions of unit ids, which
 * evaluators of every kind understand. Their ids end as the field's overrides do, so that a
 * sticky assignment yields to them.
 */
const idEnding = ':id_override';
const conditionPrefix = 'override:';
/** Units of one value and id type. */
const unitsMax = 10_000;

type SpecBody = Extract<NonNullable<Entity['body']>, { $case: 'gate' | 'config' | 'layer' }>;

interface Target {
  readonly ref: EntityRef;
  readonly entity: Entity;
  readonly kind: SpecBody['$case'];
  readonly spec: Spec;
}

const overridable: ReadonlySet<Section> = new Set([Section.GATE, Section.CONFIG, Section.LAYER]);

/** The entity that is to be overridden. @throws SluiceError `invalid` for a kind without overrides, or `not_found`. */
export function requireTarget(head: Head, ref: EntityRef | undefined): Target {
  if (!ref || !overridable.has(ref.section)) {
    throw invalid('ref', 'must name a gate, config, experiment or layer: only these have overrides');
  }
  const target = findTarget(head, ref);
  if (!target) throw missingEntity(head, ref);
  return target;
}

function findTarget(head: Head, ref: EntityRef): Target | undefined {
  const entity = head.entities.get(entityKey(ref))?.entity;
  const { body } = entity ?? {};
  if (!entity || (body?.$case !== 'gate' && body?.$case !== 'config' && body?.$case !== 'layer')) return undefined;
  return { ref, entity, kind: body.$case, spec: body.value };
}

/** One rule of overrides, and the units of its condition. */
interface OverrideRule {
  readonly rule: Rule;
  readonly unitIds: readonly string[];
}

type Switchable = Pick<Target, 'kind' | 'spec'>;

/** Only gates have a switch; a config's rule of the switch's id is any rule. */
const withoutSwitch = ({ kind, spec }: Switchable): Spec => (kind === 'gate' ? switchGate(spec, true) : spec);

function overrideRulesOf(head: Head, target: Switchable): OverrideRule[] {
  return withoutSwitch(target).rules.flatMap((rule) => {
    const unitIds = unitsOf(head, rule);
    return unitIds ? [{ rule, unitIds }] : [];
  });
}

/** A rule that was made here, rather than by an author. */
export function isOverrideRule({ id, conditionIds }: Rule): boolean {
  return id.endsWith(idEnding) && conditionIds.length === 1 && conditionIds[0]?.startsWith(conditionPrefix) === true;
}

/** The units of a rule of overrides; undefined for any other rule. */
function unitsOf(head: Head, rule: Rule): readonly string[] | undefined {
  const [name = ''] = rule.conditionIds;
  if (!isOverrideRule(rule)) return undefined;
  const body = head.entities.get(entityKey({ section: Section.CONDITION, name }))?.entity.body;
  if (body?.$case !== 'condition' || body.value.targetValueJson === undefined) return undefined;
  const units: unknown = JSON.parse(body.value.targetValueJson);
  return Array.isArray(units) ? units.map(String) : undefined;
}

/** Some units get an answer; one that had another loses it. */
export interface OverrideRequest {
  readonly idType: string;
  readonly unitIds: readonly string[];
  readonly value: OverrideValue | undefined;
}

/** @throws SluiceError naming the field that is wrong. */
export function planPutOverride(head: Head, target: Target, { idType, unitIds, value }: OverrideRequest): Plan {
  const fresh = ruleOf(target, idType, answerOf(target, value));
  const kept = overrideRulesOf(head, target).map((one) => (one.rule.idType === idType ? less(one, unitIds) : one));
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
  const held = overrideRulesOf(head, target);
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

/** What a rule answers. */
interface Answer {
  /** The start of the rule's id. */
  readonly word: string;
  readonly json: string;
  readonly groupName?: string | undefined;
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

function groupAnswer({ rules }: Spec, ref: EntityRef, groupName: string): Answer {
  const groups = rules.filter(({ id, groupName: name }) => name !== undefined && !id.endsWith(idEnding));
  const group = groups.find((rule) => rule.groupName === groupName);
  if (group) return { word: groupName, json: group.returnValueJson, groupName };
  const names = [...new Set(groups.flatMap((rule) => rule.groupName ?? []))];
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

function ruleOf({ ref }: Target, idType: string, { word, json, groupName }: Answer): Rule {
  const id = `${word}:${idType}${idEnding}`;
  return {
    ...{ id, name: 'override', passPercentage: 100, returnValueJson: json, idType, groupName },
    conditionIds: [conditionNameOf(ref, id)],
    salt: undefined,
    isExperimentGroup: undefined,
    configDelegate: undefined,
    samplingRate: undefined,
  };
}

/** One condition for each rule, changed in place: a name by content would leave an old one behind at each change. */
function conditionNameOf(ref: EntityRef, ruleId: string): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([ref.section, ref.name, ruleId]))
    .digest('hex');
  return `${conditionPrefix}${digest.slice(0, 16)}`;
}

/** Writes an entity's rules of overrides anew; those without units go, with their conditions. */
function replaceOverrides(head: Head, target: Target, overrides: readonly OverrideRule[]): Plan {
  const filled = overrides.filter(({ unitIds }) => unitIds.length > 0);
  const own = withOverrides(head, target, filled);
  const layer = layerOf(head, target);
  const inLayer = layer ? delegated(head, layer, target, filled) : nothing;
  return { upserts: [...own.upserts, ...inLayer.upserts], deletions: [...own.deletions, ...inLayer.deletions] };
}

function withOverrides(head: Head, { entity, kind, spec }: Target, overrides: readonly OverrideRule[]): Plan {
  const { rules } = withoutSwitch({ kind, spec });
  const held = rules.filter((rule) => unitsOf(head, rule) !== undefined);
  const others = rules.filter((rule) => !held.includes(rule));
  const next = switchBack({ kind, spec }, { ...spec, rules: [...overrides.map(({ rule }) => rule), ...others] });
  const names = new Set(overrides.flatMap(({ rule }) => rule.conditionIds));
  const gone = held.flatMap(({ conditionIds }) => conditionIds).filter((name) => !names.has(name));
  return {
    upserts: [{ ...entity, body: { $case: kind, value: next } }, ...overrides.map(conditionOf)],
    deletions: gone.map((name) => ({ section: Section.CONDITION, name })),
  };
}

/** A gate that is off stays off for everybody. */
function switchBack(before: Switchable, after: Spec): Spec {
  const isOff = withoutSwitch(before).rules.length !== before.spec.rules.length;
  return isOff ? switchGate(after, false) : after;
}

function conditionOf({ rule, unitIds }: OverrideRule): Entity {
  const [name = ''] = rule.conditionIds;
  const value = {
    type: 'unit_id',
    idType: rule.idType,
    // Ids are not words: `any` would take two that differ in case for one.
    operator: 'any_case_sensitive',
    targetValueJson: JSON.stringify(unitIds),
    field: undefined,
    additionalValues: {},
  };
  return { name, version: 0, body: { $case: 'condition', value } };
}

function layerOf(head: Head, { kind, ref }: Target): Target | undefined {
  if (kind !== 'config') return undefined;
  const body = head.entities.get(entityKey({ section: Section.EXPERIMENT_LAYER, name: ref.name }))?.entity.body;
  if (body?.$case !== 'experimentLayer') return undefined;
  return findTarget(head, { section: Section.LAYER, name: body.value });
}

/** The layer hands the overridden units to their experiment, whichever units it is given otherwise. */
function delegated(head: Head, layer: Target, experiment: Target, overrides: readonly OverrideRule[]): Plan {
  const { name } = experiment.ref;
  const others = overrideRulesOf(head, layer).filter(({ rule }) => rule.configDelegate !== name);
  const byIdType = Map.groupBy(overrides, ({ rule }) => rule.idType);
  const own = [...byIdType].map(([idType, rules]): OverrideRule => {
    const rule = ruleOf(layer, idType, { word: name, json: layer.spec.defaultValueJson });
    return { rule: { ...rule, configDelegate: name }, unitIds: rules.flatMap(({ unitIds }) => unitIds).sort() };
  });
  const isSame = others.length === overrideRulesOf(head, layer).length && own.length === 0;
  return isSame ? nothing : withOverrides(head, layer, [...others, ...own]);
}

/** The overrides of one entity, in the order in which they are tried. */
export function overridesOf(head: Head, entity: Entity): Override[] {
  const ref = { section: sectionOf(entity), name: entity.name };
  const target = findTarget(head, ref);
  if (!target) return [];
  return overrideRulesOf(head, target)
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
