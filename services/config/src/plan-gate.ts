import { didYouMean, entityKey, offRuleId, switchGate } from '@sluice/codec';
import { invalid, notFound, preconditionFailed } from '@sluice/mesh';
import { type Entity, type Rule, Section, type Spec, type UpdateGateRequest } from '@sluice/proto';
import type { Head, Plan } from './head.js';
import { isOverrideRule } from './override-rules.js';

/**
 * Changes a gate's rollout or switch. Salts stay as they are, so that a larger percentage only
 * adds units and a smaller one only takes some away.
 * @throws SluiceError naming the field that is wrong, or gates of a similar name.
 */
export function planGate(head: Head, request: UpdateGateRequest): Plan {
  const { rolloutPercentage, isEnabled } = request;
  if (rolloutPercentage === undefined && isEnabled === undefined) {
    throw invalid('rollout_percentage', 'and is_enabled are both absent; say what to change');
  }
  const { entity, spec } = findGate(head, request.name);
  let changed = spec;
  if (rolloutPercentage !== undefined) changed = rollOut(changed, request.name, request.ruleId, rolloutPercentage);
  if (isEnabled !== undefined) changed = switchGate(changed, isEnabled);
  return { upserts: [{ ...entity, body: { $case: 'gate', value: changed } }], deletions: [] };
}

function findGate(head: Head, name: string): { entity: Entity; spec: Spec } {
  const entity = head.entities.get(entityKey({ section: Section.GATE, name }))?.entity;
  if (entity?.body?.$case === 'gate') return { entity, spec: entity.body.value };
  const gates = [...head.entities.values()].filter(({ entity }) => entity.body?.$case === 'gate');
  const hint = didYouMean(
    name,
    gates.map(({ entity }) => entity.name),
  );
  throw notFound('name', `there is no gate ${JSON.stringify(name)}${hint}`);
}

function rollOut(spec: Spec, name: string, ruleId: string, percentage: number): Spec {
  if (!(percentage >= 0 && percentage <= 100)) {
    throw invalid('rollout_percentage', `is ${percentage}; it must be between 0 and 100`);
  }
  const rules = spec.rules.filter((rule) => rule.id !== offRuleId && !isOverrideRule(rule));
  const target = ruleId === '' ? rules.at(-1) : rules.find(({ id }) => id === ruleId);
  if (!target) throw missingRule(name, ruleId, rules);
  return {
    ...spec,
    rules: spec.rules.map((rule) => (rule === target ? { ...rule, passPercentage: percentage } : rule)),
  };
}

function missingRule(name: string, ruleId: string, rules: readonly Rule[]) {
  if (rules.length === 0) return preconditionFailed('name', `${name} has no rules to roll out; give it one first`);
  return notFound(
    'rule_id',
    `${name} has no rule ${JSON.stringify(ruleId)}; it has ${rules.map(({ id }) => id).join(', ')}`,
  );
}
