import assert from 'node:assert/strict';
import { evaluateAll, evaluateConfig, evaluateGate, explainGate, openSession } from './api.js';
import { patch } from './compile.js';
import {
  compileDocument,
  context,
  makeCondition,
  makeConfig,
  makeFieldCondition,
  makeGate,
  makeRule,
} from './ruleset-fixture.js';

const document = {
  condition_map: {
    pro: makeFieldCondition('plan', 'any', ['pro']),
    adult: makeFieldCondition('age', 'gte', 18),
    listed: makeCondition('unit_id', 'in_segment_list', 'list'),
    nested: makeCondition('pass_gate', null, 'plain'),
  },
  feature_gates: {
    plain: makeGate([makeRule('both', ['pro', 'adult']), makeRule('half', ['adult'], { passPercentage: 50 })]),
    nesting: makeGate([makeRule('r', ['nested'])]),
    listing: makeGate([makeRule('r', ['listed'])]),
  },
  dynamic_configs: { config: makeConfig([makeRule('r', ['pro'], { returnValue: { size: 2 } })]) },
};

const someone = (userID: string, plan: string, age: number) => ({ userID, custom: { plan, age } });

describe('plans', () => {
  it('share frozen decisions between calls, and only where a spec is plain', () => {
    const { program } = compileDocument(document);
    const [one, other] = ['a', 'b'].map((id) => evaluateGate(program, 'plain', someone(id, 'pro', 30), context));
    assert.equal(one, other);
    assert.ok(Object.isFrozen(one));
    const nesting = evaluateGate(program, 'nesting', someone('a', 'pro', 30), context);
    assert.ok(!Object.isFrozen(nesting));
    assert.deepEqual(nesting.secondaryExposures, [{ gate: 'plain', gateValue: 'true', ruleID: 'both' }]);
  });

  it('say what an explanation of the same call says', () => {
    const { program } = compileDocument(document);
    for (let i = 0; i < 200; i++) {
      const user = someone(`unit-${i % 70}`, i % 3 === 0 ? 'pro' : 'free', i % 40);
      const { decision } = explainGate(program, 'plain', user, context);
      assert.deepEqual({ ...evaluateGate(program, 'plain', user, context) }, decision);
    }
  });

  it('see a user that was changed between two calls', () => {
    const { program } = compileDocument(document);
    const user = someone('a', 'free', 30);
    const before = evaluateConfig(program, 'config', user, context, 'experiment');
    user.custom.plan = 'pro';
    assert.deepEqual(before.value, { d: 1 });
    assert.deepEqual(evaluateConfig(program, 'config', user, context, 'experiment').value, { size: 2 });
  });

  it('see an id list that was patched, though the unit is known', () => {
    const { program } = compileDocument(document);
    const user = someone('a', 'pro', 30);
    assert.equal(evaluateGate(program, 'listing', user, context).value, false);
    const everybody = patch(program, { idLists: { upserts: [['list', { has: () => true }]] } }).program;
    assert.equal(evaluateGate(everybody, 'listing', user, context).value, true);
    assert.equal(evaluateGate(program, 'listing', user, context).value, false);
  });

  it('see a condition that was patched under an id that they use', () => {
    const { program } = compileDocument(document);
    const user = someone('a', 'pro', 30);
    assert.equal(evaluateGate(program, 'plain', user, context).ruleID, 'both');
    const condition = { type: 'user_field', idType: 'userID', field: 'plan', operator: 'any', targetValue: '["free"]' };
    const changed = patch(program, { conditions: { upserts: [['pro', condition]] } }).program;
    assert.equal(evaluateGate(changed, 'plain', user, context).ruleID, 'half');
    assert.equal(evaluateGate(program, 'plain', user, context).ruleID, 'both');
  });

  it('give way to mappings and to bandits of the same name', () => {
    const { program } = compileDocument({ ...document, overrides: {}, override_rules: {} });
    const user = someone('a', 'free', 30);
    assert.equal(evaluateConfig(program, 'config', user, context, 'experiment').reason, 'Recognized');
    const rule = { id: 'to', name: 'to', passPercentage: 100, conditions: [], returnValue: 'true', idType: 'userID' };
    const mapped = patch(program, {
      overrides: { upserts: [['config', [{ newConfigName: 'config', rules: [{ ruleName: 'to' }] }]]] },
      overrideRules: { upserts: [['to', rule]] },
    }).program;
    // It maps to itself, which is too deep.
    assert.match(evaluateConfig(mapped, 'config', user, context, 'experiment').reason, /Depth Exceeded/);
  });

  it('give way to forced answers', () => {
    const { program } = compileDocument(document);
    const localOverrides = { gates: new Map([['plain', [{ value: false }]]]) };
    const forced = { ...context, localOverrides };
    const decision = evaluateGate(program, 'plain', someone('a', 'pro', 30), forced);
    assert.equal(decision.reason, 'LocalOverride:Recognized');
    assert.equal(openSession(program, someone('a', 'pro', 30), forced).gate('plain').value, false);
  });

  it('answer all at once what they answer one by one', () => {
    const { program } = compileDocument(document);
    const user = someone('a', 'pro', 12);
    const all = evaluateAll(program, user, context);
    assert.deepEqual([...all.gates.keys()], ['plain', 'nesting', 'listing']);
    for (const [name, decision] of all.gates) assert.deepEqual(decision, evaluateGate(program, name, user, context));
    const config = evaluateConfig(program, 'config', user, context, 'experiment');
    assert.deepEqual(all.configs.get('config'), config);
  });
});
