/**
 * Overrides are rules of the entity itself, ahead of the others: conditions of unit ids, which
 * evaluators of every kind understand. Their ids end as the field's overrides do, so that a
 * sticky assignment yields to them.
 */
import { createHash } from 'node:crypto';
import { entityKey, switchGate } from '@sluice/codec';
import { type Entity, type EntityRef, type Rule, Section, type Spec } from '@sluice/proto';
import type { Plan } from './head.js';

export const idEnding = ':id_override';
const conditionPrefix = 'override:';

/** Entities by key: those of a head, or those that a write would leave. */
export interface View {
  get(key: string): { readonly entity: Entity } | undefined;
}

type SpecBody = Extract<NonNullable<Entity['body']>, { $case: 'gate' | 'config' | 'layer' }>;

/** What can have overrides. */
export interface Target {
  readonly ref: EntityRef;
  readonly entity: Entity;
  readonly kind: SpecBody['$case'];
  readonly spec: Spec;
}

export function findTarget(view: View, ref: EntityRef): Target | undefined {
  const entity = view.get(entityKey(ref))?.entity;
  const { body } = entity ?? {};
  if (!entity || (body?.$case !== 'gate' && body?.$case !== 'config' && body?.$case !== 'layer')) return undefined;
  return { ref, entity, kind: body.$case, spec: body.value };
}

/** One rule of overrides, and the units of its condition. */
export interface OverrideRule {
  readonly rule: Rule;
  readonly unitIds: readonly string[];
}

type Switchable = Pick<Target, 'kind' | 'spec'>;

/** Only gates have a switch; a config's rule of the switch's id is any rule. */
const withoutSwitch = ({ kind, spec }: Switchable): Spec => (kind === 'gate' ? switchGate(spec, true) : spec);

export function overrideRulesOf(view: View, target: Switchable): OverrideRule[] {
  return withoutSwitch(target).rules.flatMap((rule) => {
    const unitIds = unitsOf(view, rule);
    return unitIds ? [{ rule, unitIds }] : [];
  });
}

/** A condition that was made here: its name is chosen by what it belongs to, and never shared. */
export const isOverrideCondition = (name: string): boolean => name.startsWith(conditionPrefix);

/** A rule that was made here, rather than by an author. */
export function isOverrideRule({ id, conditionIds: [name, ...others] }: Rule): boolean {
  return id.endsWith(idEnding) && others.length === 0 && name !== undefined && isOverrideCondition(name);
}

/** The units of a rule of overrides; undefined for any other rule. */
function unitsOf(view: View, rule: Rule): readonly string[] | undefined {
  const [name = ''] = rule.conditionIds;
  if (!isOverrideRule(rule)) return undefined;
  const body = view.get(entityKey({ section: Section.CONDITION, name }))?.entity.body;
  return body?.$case === 'condition' ? textsOf(body.value.targetValueJson) : undefined;
}

/** Undefined for what somebody wrote over the list of units. */
function textsOf(json = ''): readonly string[] | undefined {
  try {
    const units: unknown = JSON.parse(json);
    return Array.isArray(units) ? units.map(String) : undefined;
  } catch {
    return undefined;
  }
}

/** What a rule answers. */
export interface Answer {
  /** The start of the rule's id. */
  readonly word: string;
  readonly json: string;
  readonly groupName?: string | undefined;
}

export function overrideRuleOf({ ref }: Target, idType: string, { word, json, groupName }: Answer): Rule {
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

/** Writes an entity's own rules of overrides anew; those without units go, with their conditions. */
export function withOverrides(
  view: View,
  { entity, kind, spec }: Target,
  overrides: readonly OverrideRule[],
): Pick<Plan, 'upserts' | 'deletions'> {
  const filled = overrides.filter(({ unitIds }) => unitIds.length > 0);
  const { rules } = withoutSwitch({ kind, spec });
  const held = rules.filter((rule) => unitsOf(view, rule) !== undefined);
  const others = rules.filter((rule) => !held.includes(rule));
  const next = switchBack({ kind, spec }, { ...spec, rules: [...filled.map(({ rule }) => rule), ...others] });
  const names = new Set(filled.flatMap(({ rule }) => rule.conditionIds));
  const gone = held.flatMap(({ conditionIds }) => conditionIds).filter((name) => !names.has(name));
  return {
    upserts: [{ ...entity, body: { $case: kind, value: next } }, ...filled.map(conditionOf)],
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
