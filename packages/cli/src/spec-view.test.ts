import assert from 'node:assert/strict';
import { parseAuthoring } from '@sluice/codec';
import type { Condition, Entity, Spec } from '@sluice/proto';
import { type SpecView, specDocument, specLines, specState } from './spec-view.js';
import { plainStyle } from './style.js';

const document = `
project: shop
segments: {staff: {when: [{field: plan, is: staff}]}}
gates:
  beta: {rules: [{name: some, percentage: 25, when: [{segment: staff}, {country: DE}]}]}
  closed: {on: false, rules: [{name: all}]}
configs:
  wide: {default: {text: ${'x'.repeat(300)}}}
experiments:
  button:
    parameters: {color: green}
    groups: [{name: control, weight: 33.5}, {name: red, weight: 66.5, value: {color: red}}]
  ended:
    status: stopped
    parameters: {color: green}
    groups: [{name: control, weight: 100}]
layers:
  checkout:
    parameters: {steps: 3}
    experiments:
      fewer: {allocation: {from: 0, to: 50}, groups: [{name: one, weight: 100, value: {steps: 1}}]}
`;

const entities = parseAuthoring(document);
const conditions = new Map<string, Condition>(
  entities.flatMap(({ name, body }) => (body?.$case === 'condition' ? [[name, body.value] as const] : [])),
);

function specOf(name: string): Spec {
  const { body } = entities.find((one: Entity) => one.name === name && one.body?.$case !== 'experimentLayer') ?? {};
  if (body?.$case === 'gate' || body?.$case === 'config' || body?.$case === 'layer') return body.value;
  throw new Error(`${name} is no spec`);
}

const view = (name: string, layer?: string): SpecView => ({ spec: specOf(name), conditions, layer });

describe('a spec for people', () => {
  const cases: [string, string, string[], string[]][] = [
    [
      'a gate, by rules',
      'beta',
      ['on', 'by userID'],
      ['  1. some  25 % → true', '     when passes "segment:staff"', '     when country any ["DE"]', '  else  false'],
    ],
    [
      'an experiment, by groups, too',
      'button',
      ['running', 'by userID'],
      [
        '  groups  control 33.5 %, red 66.5 %',
        '  1. control  100 % → {"color":"green"}',
        '     when bucket of userID lt 335 (of 1000)',
        '  2. red  100 % → {"color":"red"}',
        '     when bucket of userID lt 1000 (of 1000)',
        '  else  {"color":"green"}',
      ],
    ],
    [
      'a layer, by its experiments',
      'checkout',
      ['on', 'by userID'],
      ['  1. fewer  100 % → experiment fewer', '     when bucket of userID lt 500 (of 1000)', '  else  {"steps":3}'],
    ],
  ];
  for (const [what, name, state, lines] of cases) {
    it(`is ${what}`, () => {
      assert.deepEqual(specState(specOf(name), plainStyle), state);
      assert.deepEqual(specLines(view(name), plainStyle), lines);
    });
  }

  it('says what does not run', () => {
    assert.equal(specState(specOf('closed'), plainStyle)[0], 'off');
    assert.equal(specState(specOf('ended'), plainStyle)[0], 'not running');
  });

  it('names the layer of an experiment and what it owns there', () => {
    const [fields] = specLines(view('fewer', 'checkout'), plainStyle);
    assert.equal(fields, '  layer   checkout\n  owns    steps\n  groups  one 100 %');
  });

  it('cuts long answers, and says so', () => {
    const [answer = '', note] = specLines(view('wide'), plainStyle);
    assert.ok(answer.length < 300 && answer.endsWith('…'));
    assert.equal(note, '  answers are cut; --json shows them whole');
  });

  it('keeps the id of a condition that is not there', () => {
    const [, when] = specLines({ ...view('beta'), conditions: new Map() }, plainStyle);
    assert.match(when ?? '', /^ {5}when [0-9a-f]{16}$/);
  });

  it('gives a group no weight that its rule does not show', () => {
    const { groups } = specDocument({ ...view('button'), conditions: new Map() });
    assert.deepEqual(groups, [
      { name: 'control', weight: null },
      { name: 'red', weight: null },
    ]);
  });
});

describe('a spec for programs', () => {
  it('is whole', () => {
    const { rules, ...rest } = specDocument(view('fewer', 'checkout'));
    assert.deepEqual(JSON.parse(JSON.stringify(rest)), {
      entity: 'experiment',
      isEnabled: true,
      idType: 'userID',
      salt: 'experiment/fewer',
      defaultValue: { steps: 3 },
      isActive: true,
      layer: 'checkout',
      ownParameters: ['steps'],
      groups: [{ name: 'one', weight: 100 }],
    });
    const found = (rules as { id: string; groupName: string | null }[]).map(({ id, groupName }) => [id, groupName]);
    assert.deepEqual(found, [
      ['layerAssignment', null],
      ['one', 'one'],
    ]);
  });

  it('has the delegate of a layer, and the conditions of its rules', () => {
    const { rules } = specDocument(view('checkout'));
    const [rule] = rules as { delegate: string; conditions: { type: string; operator: string }[] }[];
    assert.equal(rule?.delegate, 'fewer');
    assert.deepEqual(
      rule?.conditions.map(({ type, operator }) => [type, operator]),
      [['user_bucket', 'lt']],
    );
  });
});
