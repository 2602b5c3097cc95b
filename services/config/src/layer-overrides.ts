/**
 * A layer hands the overridden units of its experiments to them, whichever units it gives them otherwise:
 * by rules that are made of the experiments' overrides and follow them.
 */
import { entityKey } from '@sluice/codec';
import { Section } from '@sluice/proto';
import {
  findTarget,
  type OverrideRule,
  overrideRuleOf,
  overrideRulesOf,
  type Target,
  type View,
} from './override-rules.js';

/** The name of the layer that an experiment belongs to. */
export function layerNameOf(view: View, experiment: string): string | undefined {
  const body = view.get(entityKey({ section: Section.EXPERIMENT_LAYER, name: experiment }))?.entity.body;
  return body?.$case === 'experimentLayer' ? body.value : undefined;
}

/**
 * What the overrides of a layer should be: its own as they are, those of its experiments as these say.
 * @param experiments - those that it may not know of yet.
 */
export function layerOverrides(view: View, layer: Target, experiments: Iterable<string>): OverrideRule[] {
  const held = overrideRulesOf(view, layer);
  const names = new Set([...held.flatMap(({ rule }) => rule.configDelegate ?? []), ...experiments]);
  const wanted = [...names].flatMap((name) => delegatesTo(view, layer, name));
  const wantedById = new Map(wanted.map((one) => [one.rule.id, one]));
  const heldIds = new Set(held.map(({ rule }) => rule.id));
  return [
    ...held.flatMap((one) => (one.rule.configDelegate === undefined ? one : (wantedById.get(one.rule.id) ?? []))),
    ...wanted.filter(({ rule }) => !heldIds.has(rule.id)),
  ];
}

/** One rule for each id type; none for an experiment that is elsewhere. */
function delegatesTo(view: View, layer: Target, experiment: string): OverrideRule[] {
  const target = findTarget(view, { section: Section.CONFIG, name: experiment });
  if (!target || layerNameOf(view, experiment) !== layer.ref.name) return [];
  const byIdType = Map.groupBy(overrideRulesOf(view, target), ({ rule }) => rule.idType);
  return [...byIdType].map(([idType, rules]) => {
    const rule = overrideRuleOf(layer, idType, { word: experiment, json: layer.spec.defaultValueJson });
    return { rule: { ...rule, configDelegate: experiment }, unitIds: rules.flatMap(({ unitIds }) => unitIds).sort() };
  });
}
