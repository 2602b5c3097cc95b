import { entityKey } from '@sluice/codec';
import { invalid } from '@sluice/mesh';
import type { EntityOverrides } from '@sluice/proto';
import type { Draft } from './draft.js';
import type { Head } from './head.js';
import { checkIdType } from './names.js';
import { findTarget, type OverrideRule, overrideRulesOf, withOverrides } from './override-rules.js';
import { checkUnitIds, isOverridable, putInto, unitsMax, usualIdType } from './override-values.js';

const entitiesMax = 1_000;
const groupsMax = 100;

/**
 * Gives entities the overrides that a write says they have, instead of those that stand.
 * @returns the keys of these entities.
 * @throws SluiceError naming the field that is wrong.
 */
export function stateOverrides(head: Head, draft: Draft, stated: readonly EntityOverrides[]): Set<string> {
  if (stated.length > entitiesMax)
    throw invalid('overrides', `are of ${stated.length} entities; the limit is ${entitiesMax}`);
  const keys = new Set<string>();
  for (const [index, one] of stated.entries()) keys.add(stateOne(head, draft, one, `overrides[${index}]`));
  return keys;
}

function stateOne(head: Head, draft: Draft, { ref, groups }: EntityOverrides, field: string): string {
  if (!ref || !isOverridable(ref)) throw invalid(`${field}.ref`, 'must name a gate, config, experiment or layer');
  const target = findTarget(draft, ref);
  if (!target) throw invalid(`${field}.ref`, `there is no ${entityKey(ref)}; write it too, or leave its overrides out`);
  if (groups.length > groupsMax) {
    throw invalid(`${field}.groups`, `are ${groups.length}; the limit is ${groupsMax}`);
  }
  // A layer's rules for its experiments are theirs.
  const held = findTarget(head.entities, ref);
  const delegates = held
    ? overrideRulesOf(head.entities, held).filter(({ rule }) => rule.configDelegate !== undefined)
    : [];
  let overrides: OverrideRule[] = [];
  for (const [at, { idType, unitIds, value }] of groups.entries()) {
    const place = `${field}.groups[${at}]`;
    checkIdType(`${place}.id_type`, idType);
    checkUnitIds(`${place}.unit_ids`, unitIds, unitsMax);
    overrides = putInto(overrides, target, { idType: idType || usualIdType, unitIds, value }, `${place}.`);
  }
  draft.add(withOverrides(draft, target, [...overrides, ...delegates]));
  return entityKey(ref);
}
