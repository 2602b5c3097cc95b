import assert from 'node:assert/strict';
import {
  compile,
  evaluateConfig,
  evaluateGate,
  evaluateLayer,
  type Rule,
  type Ruleset,
  type Spec,
} from '@sluice/engine';
import { DecisionError, Kind, Reason } from '@sluice/proto';
import { decisionToWire } from './decision.js';
import { openFeatureReason } from './reason.js';
import { rulesetFromEntities } from './ruleset.js';

const rule = (id: string, over: Partial<Rule> = {}): Rule => ({
  id,
  name: id,
  passPercentage: 100,
  conditions: ['all'],
  returnValue: 'true',
  idType: 'userID',
  ...over,
});

const spec = (name: string, rules: Rule[], over: Partial<Spec> = {}): Spec => ({
  name,
  entity: 'feature_gate',
  salt: name,
  enabled: true,
  defaultValue: 'false',
  rules,
  idType: 'userID',
  ...over,
});

const config = (name: string, rules: Rule[], over: Partial<Spec> = {}): Spec =>
  spec(name, rules, { entity: 'experiment', defaultValue: '{}', ...over });

const byName = (specs: Spec[]): Map<string, Spec> => new Map(specs.map((each) => [each.name, each]));

const ruleset: Ruleset = {
  ...rulesetFromEntities([]),
  gates: byName([
    spec('static', [rule('r')]),
    spec('targeted', [rule('r', { conditions: ['one'] })]),
    spec('split', [rule('r', { passPercentage: 50 })]),
    spec('off', [], { enabled: false }),
    spec('empty', []),
    spec('odd', [rule('r', { conditions: ['odd'] })]),
    spec('nested', [rule('r', { conditions: ['static-passes'] })], { version: 4 }),
  ]),
  configs: byName([
    config('trial', [rule('group-a', { isExperimentGroup: true, groupName: 'A', returnValue: '{"price":1.0}' })], {
      isActive: true,
      explicitParameters: ['price'],
    }),
  ]),
  layers: byName([config('layer', [rule('l', { configDelegate: 'trial', returnValue: '{}' })], { entity: 'layer' })]),
  conditions: new Map([
    ['all', { type: 'public', idType: 'userID' }],
    ['one', { type: 'unit_id', idType: 'userID', operator: 'any', targetValue: '["u"]' }],
    ['odd', { type: 'sixth_sense', idType: 'userID', operator: 'any' }],
    ['static-passes', { type: 'pass_gate', idType: 'userID', targetValue: '"static"' }],
  ]),
};

const { program } = compile(ruleset);
const user = { userID: 'u' };
const context = { now: 0 };
const gate = (name: string) => {
  const decision = evaluateGate(program, name, user, context);
  return decisionToWire(decision, openFeatureReason(decision, program.ruleset));
};

describe('decisions on the wire', () => {
  it('say why, in the words of OpenFeature', () => {
    assert.equal(gate('static').reason, Reason.STATIC);
    assert.equal(gate('targeted').reason, Reason.TARGETING_MATCH);
    assert.equal(gate('split').reason, Reason.SPLIT);
    assert.equal(gate('off').reason, Reason.DISABLED);
    assert.equal(gate('empty').reason, Reason.DEFAULT);
  });

  it('say why not', () => {
    assert.equal(gate('nowhere').reason, Reason.ERROR);
    assert.equal(gate('nowhere').error, DecisionError.FLAG_NOT_FOUND);
    assert.equal(gate('odd').reason, Reason.ERROR);
    assert.equal(gate('odd').error, DecisionError.UNSUPPORTED);
    assert.equal(gate('static').error, DecisionError.UNSPECIFIED);
  });

  it('carry the gates that were consulted, and the version', () => {
    const nested = gate('nested');
    assert.deepEqual(nested.secondaryExposures, [{ gate: 'static', gateValue: 'true', ruleId: 'r' }]);
    assert.equal(nested.version, 4);
    assert.equal(nested.gateValue, true);
    assert.equal(nested.detail, 'Recognized');
  });

  it('carry a value as it was spelled', () => {
    const decision = evaluateConfig(program, 'trial', user, context, 'experiment');
    const wire = decisionToWire(decision, openFeatureReason(decision, ruleset));
    assert.equal(wire.valueJson, '{"price":1.0}');
    assert.equal(wire.kind, Kind.EXPERIMENT);
    assert.equal(wire.groupName, 'A');
    assert.equal(wire.reason, Reason.SPLIT);
    assert.equal(wire.isExperimentGroup, true);
  });

  it('name the experiment behind a layer', () => {
    const decision = evaluateLayer(program, 'layer', user, context);
    const wire = decisionToWire(decision, openFeatureReason(decision, ruleset));
    assert.equal(wire.kind, Kind.LAYER);
    assert.equal(wire.allocatedExperiment, 'trial');
    assert.equal(wire.valueJson, '{"price":1.0}');
    assert.deepEqual(wire.explicitParameters, ['price']);
    assert.equal(wire.reason, Reason.SPLIT);
    assert.deepEqual(wire.parameterRules, []);
  });

  it('tell a group that is kept as one that was split off', () => {
    const live = evaluateConfig(program, 'trial', user, context, 'experiment');
    const kept = { ...live, reason: 'Persisted', ruleID: 'gone', isExperimentGroup: false } as const;
    assert.equal(openFeatureReason(kept, ruleset), Reason.SPLIT);
  });

  it('tell the rule behind each parameter of a merged layer', () => {
    const parameterRuleIDs = new Map([['price', 'allocation']]);
    const decision = { ...evaluateLayer(program, 'layer', user, context), parameterRuleIDs };
    const wire = decisionToWire(decision, openFeatureReason(decision, ruleset));
    assert.deepEqual(wire.parameterRules, [{ parameter: 'price', ruleId: 'allocation' }]);
  });
});
