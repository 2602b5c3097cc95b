import assert from 'node:assert/strict';
import { evaluateAll, evaluateAs, explainAs, kindOf } from './api.js';
import type { AskedKind } from './evaluate.js';
import type { SpecTrace } from './explain.js';
import { compileDocument, context, makeCondition, makeConfig, makeGate, makeRule } from './ruleset-fixture.js';

const user = { userID: 'u' };
const bandit = {
  ...{ salt: 'c', idType: 'userID', enabled: true, version: 1, sampleRate: 0, higherIsBetter: true, defaultValue: {} },
  groups: ['g1', 'g2'].map((id) => ({ id, name: id.toUpperCase(), parameterValues: { from: id } })),
  targetingGateName: 'targeted',
};
const group = (id: string, more = {}) => makeRule(id, ['always'], { returnValue: { [id]: 1 }, groupName: id, ...more });

const { program } = compileDocument({
  condition_map: {
    always: makeCondition('public', null, null),
    never: makeCondition('unit_id', 'any', ['nobody']),
    group: makeCondition('experiment_group', 'any', ['A'], { field: 'e' }),
    circle: makeCondition('pass_gate', null, 'circle'),
  },
  feature_gates: {
    targeted: makeGate([makeRule('targeted-rule', ['always'])]),
    grouped: makeGate([makeRule('r', ['group', 'group'])]),
    circle: makeGate([makeRule('r', ['circle'])]),
  },
  dynamic_configs: {
    e: makeConfig([group('A')]),
    f: makeConfig([group('B')]),
    mapped: makeConfig([group('own')]),
    circled: makeConfig([group('own')]),
    both: makeConfig([], { entity: 'dynamic_config' }),
  },
  layer_configs: {
    merged: makeConfig([group('to-e', { configDelegate: 'e' }), group('to-f', { configDelegate: 'f' })], {
      entity: 'layer',
      useNewLayerEval: true,
    }),
  },
  overrides: {
    mapped: [
      { new_config_name: 'f', rules: [{ rule_name: 'no' }, { rule_name: 'later', start_time: 9e15 }] },
      { new_config_name: 'e', rules: [{ rule_name: 'missing' }, { rule_name: 'yes' }] },
    ],
    circled: [{ new_config_name: 'circled', rules: [{ rule_name: 'yes' }] }],
  },
  override_rules: { no: makeRule('no', ['never']), later: makeRule('later', []), yes: makeRule('yes', ['always']) },
  cmab_configs: {
    both: bandit,
    lost: { ...bandit, targetingGateName: 'circle' },
    scored: {
      ...bandit,
      config: { g2: { alpha: 9, intercept: 0, records: 1, weightsNumerical: { x: 1 }, weightsCategorical: {} } },
    },
  },
});

type Line = readonly [title: string, ...rules: readonly unknown[]];

/** Origin, name and rule of an entity, then of each rule that was looked at its id, outcome and what is below. */
function linesOf({ origin, name, ruleID, rules }: SpecTrace): Line {
  const seen = rules.filter(({ outcome }) => outcome !== 'not evaluated');
  return [
    `${origin} ${name}: ${ruleID}`,
    ...seen.map(({ id, outcome, conditions, nested }) => [
      `${id} ${outcome}`,
      ...[...conditions.flatMap((condition) => condition.nested), ...nested].map(linesOf),
    ]),
  ];
}

function explain(kind: AskedKind, name: string, more = {}): Line[] {
  const explanation = explainAs(kind, program, name, user, { ...context, ...more });
  const decided = evaluateAs(kind, program, name, user, { ...context, ...more });
  assert.deepEqual({ ...explanation.decision }, { ...decided }, name);
  return explanation.trace.map(linesOf);
}

describe('explanations of the rarer ways to decide', () => {
  it('show config mappings, tried in order, and what they lead to', () => {
    assert.deepEqual(explain('config', 'mapped'), [
      ['mapping mapped: ', ['no conditions failed']],
      ['mapping mapped: A', ['yes delegated', ['rules e: A', ['A passed']]]],
    ]);
    const { trace } = explainAs('config', program, 'mapped', user, context);
    assert.match(trace[1]?.rules[0]?.note ?? '', /; e answers instead$/);
    assert.equal(typeof trace[1]?.rules[0]?.bucket, 'number');
  });

  it('survive mappings in circles', () => {
    assert.match(explainAs('config', program, 'circled', user, context).decision.reason, /^Error:/);
  });

  it('show a bandit with the gate that targets it and the group picked', () => {
    const targeting = ['inlineTargetingRules passed', ['rules targeted: targeted-rule', ['targeted-rule passed']]];
    const [both] = explain('experiment', 'both');
    assert.match(String(both?.[0]), /^bandit both: g[12]:explore$/);
    assert.deepEqual(both?.[1], targeting);
    assert.match(String(both?.[2]), /^g[12] passed$/);
    assert.deepEqual(explain('experiment', 'scored'), [['bandit scored: g2', targeting, ['g2 passed']]]);
    const [lost] = explain('experiment', 'lost');
    assert.equal(lost?.[0], 'bandit lost: inlineTargetingRules');
    assert.match(String(lost?.[1]), /^inlineTargetingRules conditions failed/);
  });

  it('show forced answers', () => {
    const localOverrides = { gates: new Map([['targeted', [{ value: false }]]]) };
    assert.deepEqual(explain('gate', 'targeted', { localOverrides }), [['local override targeted: override']]);
  });

  it('show the experiment whose group is asked for, once', () => {
    assert.deepEqual(explain('gate', 'grouped'), [['rules grouped: r', ['r passed', ['rules e: A', ['A passed']]]]]);
  });

  it('show experiments that a layer has passed over', () => {
    assert.deepEqual(explain('layer', 'merged'), [
      [
        'rules merged: to-e',
        ['to-e delegated', ['rules e: A', ['A passed']]],
        ['to-f passed over', ['rules f: B', ['B passed']]],
      ],
    ]);
  });
});

describe('the kind of a name', () => {
  it('is that of the bandit where there is a config of its name as well, in all answers', () => {
    const names = ['targeted', 'e', 'both', 'scored', 'merged', 'nothing'];
    assert.deepEqual(
      names.map((name) => kindOf(program, name)),
      ['gate', 'experiment', 'experiment', 'experiment', 'layer', undefined],
    );
    const alone = evaluateAs('experiment', program, 'both', user, context);
    assert.equal(evaluateAll(program, user, context).configs.get('both')?.ruleID, alone.ruleID);
  });
});
