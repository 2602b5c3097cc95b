import { rulesetFromEntities } from '@sluice/codec';
import { compile, evaluateAll, idListKey, type Program, type User } from '@sluice/engine';
import type { Condition, Entity, Rule, Spec } from '@sluice/proto';
import fc from 'fast-check';

/**
 * Entities that lean on each other: gates on conditions, conditions on gates and id lists, so that
 * changing one changes what others answer. Names are few, so that writes hit the same ones again.
 * Low gates may ask high ones, never the reverse: config refuses cycles.
 */
const lowGates = ['low-0', 'low-1', 'low-2'];
const highGates = ['high-0', 'high-1'];
const plainConditions = ['is-pro', 'is-listed'];
const gateConditions = ['passes-0', 'fails-1'];
const listName = 'testers';
const users: readonly User[] = ['ada', 'bob', 'cyd'].map((userID, at) => ({
  userID,
  custom: { plan: at === 0 ? 'pro' : 'free' },
}));
const idType = 'userID';

/** One entity in one of its many states. */
export const randomEntity: fc.Arbitrary<Entity> = fc.oneof(
  gateArbitrary(lowGates, [...plainConditions, ...gateConditions]),
  gateArbitrary(highGates, plainConditions),
  configArbitrary(),
  fc.constantFrom('pro', 'free').map((plan) => conditionOf('is-pro', 'user_field', JSON.stringify([plan]), 'plan')),
  fc.boolean().map((isIn) => conditionOf('is-listed', 'unit_id', JSON.stringify(listName), undefined, isIn)),
  fc.constantFrom(...highGates).map((gate) => conditionOf('passes-0', 'pass_gate', JSON.stringify(gate))),
  fc.constantFrom(...highGates).map((gate) => conditionOf('fails-1', 'fail_gate', JSON.stringify(gate))),
  fc.subarray(users.map(({ userID = '' }) => String(userID))).map(listOf),
);

function gateArbitrary(names: readonly string[], conditions: readonly string[]): fc.Arbitrary<Entity> {
  return fc
    .record({
      name: fc.constantFrom(...names),
      enabled: fc.boolean(),
      rules: fc.array(ruleArbitrary(conditions, 'true'), { maxLength: 2 }),
    })
    .map(({ name, enabled, rules }) => entityOf(name, 'gate', specOf('feature_gate', name, enabled, rules, 'false')));
}

function configArbitrary(): fc.Arbitrary<Entity> {
  return fc
    .record({
      name: fc.constantFrom('config-0', 'config-1'),
      value: fc.nat(9),
      rules: fc.array(ruleArbitrary([...plainConditions, ...gateConditions], '{"from":"rule"}'), { maxLength: 2 }),
    })
    .map(({ name, value, rules }) =>
      entityOf(name, 'config', specOf('dynamic_config', name, true, rules, JSON.stringify({ value }))),
    );
}

function ruleArbitrary(conditions: readonly string[], returnValueJson: string): fc.Arbitrary<Rule> {
  return fc
    .record({
      id: fc.constantFrom('one', 'two', 'three'),
      passPercentage: fc.constantFrom(0, 30, 60, 100),
      conditionIds: fc.subarray([...conditions], { maxLength: 2 }),
    })
    .map(({ id, passPercentage, conditionIds }) => ({
      ...{ id, name: id, passPercentage, conditionIds, returnValueJson, idType },
      ...{ salt: undefined, groupName: undefined, isExperimentGroup: undefined },
      ...{ configDelegate: undefined, samplingRate: undefined },
    }));
}

function specOf(entity: string, salt: string, enabled: boolean, rules: Rule[], defaultValueJson: string): Spec {
  return {
    ...{ entity, salt, enabled, defaultValueJson, rules, idType },
    ...{ version: undefined, isActive: undefined, hasSharedParams: undefined, explicitParameters: undefined },
    ...{ targetAppIds: undefined, forwardAllExposures: undefined, useNewLayerEval: undefined, fieldsUsed: undefined },
  };
}

const entityOf = (name: string, $case: 'gate' | 'config', value: Spec): Entity => ({
  name,
  version: 1,
  body: { $case, value },
});

function conditionOf(
  name: string,
  type: string,
  targetValueJson: string,
  field?: string | undefined,
  isIn = true,
): Entity {
  const operators: Record<string, string> = {
    user_field: 'any',
    unit_id: isIn ? 'in_segment_list' : 'not_in_segment_list',
  };
  const value: Condition = { type, idType, targetValueJson, operator: operators[type], field, additionalValues: {} };
  return { name, version: 1, body: { $case: 'condition', value } };
}

function listOf(ids: readonly string[]): Entity {
  return {
    name: listName,
    version: 1,
    body: { $case: 'idList', value: { keys: ids.map(idListKey).join(''), idType } },
  };
}

/** What a program answers to everybody about everything, as text that two programs can be compared by. */
export function answersOf(program: Program): string {
  const lines: string[] = [];
  for (const user of users) {
    const { gates, configs } = evaluateAll(program, user, { now: 0 });
    for (const [name, { value, ruleID }] of [...gates, ...configs]) {
      lines.push(`${user.userID} ${name} ${JSON.stringify(value)} ${ruleID}`);
    }
  }
  return lines.sort().join('\n');
}

/** The same by the plainest way there is: everything compiled from nothing. */
export function referenceAnswers(entities: Iterable<Entity>): string {
  return answersOf(compile(rulesetFromEntities([...entities])).program);
}
