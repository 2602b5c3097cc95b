import assert from 'node:assert/strict';
import { compile, evaluateGate } from '@sluice/engine';
import type { Entity } from '@sluice/proto';
import { rulesetFromEntities } from '../ruleset.js';
import { AuthoringError, readAuthoring } from './index.js';

const bodyOf = (entities: readonly Entity[], name: string): Entity['body'] =>
  entities.find((entity) => entity.name === name && entity.body?.$case !== 'condition')?.body;

function problemOf(text: string, isPart = false): string {
  try {
    readAuthoring(text, { isPart });
  } catch (error) {
    if (error instanceof AuthoringError) return error.message;
    throw error;
  }
  return assert.fail('the document was accepted');
}

const json = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;

describe('parameter stores of the friendly form', () => {
  it('take values from wherever they say', () => {
    const { entities } = readAuthoring(`
project: shop
gates: { beta: {} }
configs: { colours: { default: { main: red } } }
stores:
  app:
    parameters:
      title: { value: Hello }
      button: { gate: beta, on: big, off: small }
      main: { config: colours, type: string }
      accent: { layer: page, parameter: colour, type: string }
`);
    const body = bodyOf(entities, 'app');
    assert(body?.$case === 'paramStore');
    const { title, button, main, accent } = body.value.parameters;
    assert.deepEqual(json(title?.bodyJson ?? ''), { ref_type: 'static', param_type: 'string', value: 'Hello' });
    assert.deepEqual(json(button?.bodyJson ?? ''), {
      ...{ ref_type: 'gate', param_type: 'string' },
      ...{ gate_name: 'beta', pass_value: 'big', fail_value: 'small' },
    });
    assert.equal(json(main?.bodyJson ?? '').param_name, 'main');
    assert.deepEqual([accent?.refType, json(accent?.bodyJson ?? '').param_name], ['layer', 'colour']);
  });

  const bad: [string, RegExp][] = [
    ['{}', /needs one of value, gate, config, experiment, layer, it has none/],
    ['{value: 1, gate: beta, on: 1, off: 2}', /it has value, gate/],
    ['{gate: beta, on: 1}', /needs on and off beside gate/],
    ['{value: 1, on: 2}', /on and off go with gate/],
    ['{config: colours}', /needs type/],
  ];
  for (const [source, message] of bad) {
    it(`refuse ${source}`, () =>
      assert.match(problemOf(`project: p\nstores: {app: {parameters: {x: ${source}}}}`), message));
  }
});

describe('id lists of the friendly form', () => {
  it('hold each id once, whatever the order', () => {
    const keys = (ids: string): string => {
      const body = bodyOf(readAuthoring(`project: p\nlists: {vips: {ids: ${ids}}}`).entities, 'vips');
      return body?.$case === 'idList' ? body.value.keys : '';
    };
    assert.equal(keys('[ada, bob, ada]'), keys('[bob, ada]'));
    assert.equal(keys('[ada, bob]').length, 16);
  });
});

describe('holdouts of the friendly form', () => {
  const document = `
project: shop
holdouts: { quarter: { percentage: 25 } }
gates: { checkout: { holdout: quarter, rules: [{ name: everyone }] } }
`;

  it('keep their share of units from what is in them, and give it to all others', () => {
    const { program } = compile(rulesetFromEntities(readAuthoring(document).entities));
    let held = 0;
    for (let i = 0; i < 2_000; i++) {
      const user = { userID: `user-${i}` };
      const isHeld = evaluateGate(program, 'quarter', user, { now: 0 }).value;
      assert.equal(evaluateGate(program, 'checkout', user, { now: 0 }).value, !isHeld);
      held += isHeld ? 1 : 0;
    }
    assert(Math.abs(held - 500) < 100, `${held} of 2,000`);
  });

  it('must be there, and not be called as a gate is', () => {
    assert.match(
      problemOf('project: p\ngates: {a: {holdout: quater}}\nholdouts: {quarter: {percentage: 1}}'),
      /no holdout "quater".*quarter/,
    );
    assert.match(problemOf('project: p\ngates: {a: {}}\nholdouts: {a: {percentage: 1}}'), /is the name of a gate/);
  });
});

describe('a part of a project', () => {
  const part = 'project: p\ngates: {a: {holdout: elsewhere, rules: [{name: r, when: [{segment: elsewhere}]}]}}';

  it('may mention what is elsewhere', () => assert.equal(readAuthoring(part, { isPart: true }).entities.length, 3));

  it('is checked like a whole one otherwise', () => {
    assert.match(problemOf(part), /no segment "elsewhere"/);
    assert.match(problemOf('project: p\ngates: {a: {rules: [{name: r, when: [{gate: a}]}]}}', true), /makes a circle/);
  });
});
