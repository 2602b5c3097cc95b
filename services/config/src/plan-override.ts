import { sectionOf } from '@sluice/codec';
import { invalid } from '@sluice/mesh';
import type { Entity, EntityRef, Override, OverrideValue, Rule } from '@sluice/proto';
import { Draft } from './draft.js';
import type { Head, Plan } from './head.js';
import { settleLayer } from './keep-overrides.js';
import { layerNameOf } from './layer-overrides.js';
import { findTarget, type OverrideRule, overrideRulesOf, type Target, withOverrides } from './override-rules.js';
import { isOverridable, less, type OverrideRequest, putInto } from './override-values.js';
import { missingEntity } from './plan-archive.js';

/** The entity that is to be overridden. @throws SluiceError `invalid` for a kind without overrides, or `not_found`. */
export function requireTarget(head: Head, ref: EntityRef | undefined): Target {
  if (!ref || !isOverridable(ref)) {
    throw invalid('ref', 'must name a gate, config, experiment or layer: only these have overrides');
  }
  const target = findTarget(head.entities, ref);
  if (!target) throw missingEntity(head, ref);
  return target;
}

/** @throws SluiceError naming the field that is wrong. */
export function planPutOverride(head: Head, target: Target, request: OverrideRequest): Plan {
  return replaceOverrides(head, target, putInto(overrideRulesOf(head.entities, target), target, request));
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
