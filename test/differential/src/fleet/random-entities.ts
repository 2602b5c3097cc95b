import { idListKey, type User } from '@sluice/engine';
import type { Condition, Entity, Parameter, Rule, Spec } from '@sluice/proto';
import fc from 'fast-check';

/**
 * Entities that lean on each other: gates on conditions, conditions on gates and id lists, layers
 * on experiments, parameter stores on all of them, so that changing one changes what others
 * answer. Names are few, so that writes hit the same ones again. Low gates may ask high ones,
 * never the reverse: config refuses cycles.
 */
const lowGates = ['low-0', 'low-1', 'low-2'];
const highGates = ['high-0', 'high-1'];
const experiments = ['trial-0', 'trial-1'];
const plainConditions = ['is-pro', 'is-listed'];
const allConditions = [...plainConditions, 'passes-0', 'fails-1'];
const listName = 'testers';
const idType = 'userID';

export const users: readonly User[] = ['ada', 'bob', 'cyd'].map((userID, at) => ({
  userID,
  custom: { plan: at === 0 ? 'pro' : 'free' },
}));

const settings = fc.nat(9).map((size) => JSON.stringify({ size }));

/** One entity in one of its many states. */
export const randomEntity: fc.Arbitrary<Entity> = fc.oneof(
  gateArbitrary(lowGates, allConditions),
  gateArbitrary(highGates, plainConditions),
  configArbitrary(),
  experimentArbitrary(),
  layerArbitrary(),
  storeArbitrary(),
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
      rules: fc.array(ruleArbitrary(conditions, fc.constant('true')), { maxLength: 2 }),
    })
    .map(({ name, enabled, rules }) => specOf('gate', name, { entity: 'feature_gate', enabled, rules }));
}

function configArbitrary(): fc.Arbitrary<Entity> {
  return fc
    .record({
      name: fc.constantFrom('config-0', 'config-1'),
      defaultValueJson: settings,
      rules: fc.array(ruleArbitrary(allConditions, settings), { maxLength: 2 }),
    })
    .map(({ name, ...spec }) => specOf('config', name, { entity: 'dynamic_config', ...spec }));
}

/** Two groups, of which the first takes its share. */
function experimentArbitrary(): fc.Arbitrary<Entity> {
  return fc
    .record({
      name: fc.constantFrom(...experiments),
      isActive: fc.boolean(),
      defaultValueJson: settings,
      rules: fc.tuple(ruleArbitrary(plainConditions, settings), ruleArbitrary([], settings)),
    })
    .map(({ name, rules, ...spec }) =>
      specOf('config', name, {
        ...{ entity: 'experiment', ...spec },
        rules: rules.map((rule, at) => ({ ...rule, groupName: ['A', 'B'][at], isExperimentGroup: true })),
      }),
    );
}

function layerArbitrary(): fc.Arbitrary<Entity> {
  return fc
    .record({
      defaultValueJson: settings,
      delegates: fc.array(fc.option(fc.constantFrom(...experiments), { nil: undefined }), { maxLength: 2 }),
      rule: ruleArbitrary(plainConditions, settings),
    })
    .map(({ defaultValueJson, delegates, rule }) =>
      specOf('layer', 'layer-0', {
        ...{ entity: 'layer', defaultValueJson },
        rules: delegates.map((configDelegate, at) => ({ ...rule, id: `to-${at}`, name: `to-${at}`, configDelegate })),
      }),
    );
}

function storeArbitrary(): fc.Arbitrary<Entity> {
  const parameter = fc.oneof(
    fc.nat(9).map((value) => parameterOf('static', { value })),
    fc
      .constantFrom(...lowGates, ...highGates)
      .map((gate_name) => parameterOf('gate', { gate_name, pass_value: 'on', fail_value: 'off' })),
    fc
      .constantFrom(...experiments)
      .map((experiment_name) => parameterOf('experiment', { experiment_name, param_name: 'size' })),
    fc.constant(parameterOf('layer', { layer_name: 'layer-0', param_name: 'size' })),
  );
  return fc.dictionary(fc.constantFrom('one', 'two'), parameter, { minKeys: 1 }).map((parameters) => ({
    name: 'store-0',
    version: 1,
    body: { $case: 'paramStore', value: { parameters, targetAppIds: undefined, version: undefined } },
  }));
}

function parameterOf(refType: string, parts: object): Parameter {
  const paramType = refType === 'gate' ? 'string' : 'number';
  return { refType, paramType, bodyJson: JSON.stringify({ ref_type: refType, param_type: paramType, ...parts }) };
}

function ruleArbitrary(conditions: readonly string[], value: fc.Arbitrary<string>): fc.Arbitrary<Rule> {
  return fc
    .record({
      id: fc.constantFrom('one', 'two', 'three'),
      passPercentage: fc.constantFrom(0, 30, 60, 100),
      conditionIds: fc.subarray([...conditions], { maxLength: Math.min(conditions.length, 2) }),
      returnValueJson: value,
    })
    .map((rule) => ({
      ...{ ...rule, name: rule.id, idType },
      ...{ salt: undefined, groupName: undefined, isExperimentGroup: undefined },
      ...{ configDelegate: undefined, samplingRate: undefined },
    }));
}

function specOf($case: 'gate' | 'config' | 'layer', name: string, part: Partial<Spec>): Entity {
  const value: Spec = {
    ...{ entity: '', salt: name, enabled: true, defaultValueJson: 'false', rules: [], idType },
    ...{ version: undefined, isActive: undefined, hasSharedParams: undefined, explicitParameters: undefined },
    ...{ targetAppIds: undefined, forwardAllExposures: undefined, useNewLayerEval: undefined, fieldsUsed: undefined },
    ...part,
  };
  return { name, version: 1, body: { $case, value } };
}

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
