import assert from 'node:assert/strict';
import { type Entity, Section } from '@sluice/proto';
import { answerersOf, referencesOf } from './entity-references.js';
import { entityKey } from './sections.js';
import { conditionOf, ruleOf, specOf } from './test/entities.js';

/** Each mention as one line, such as `rules[0].conditionIds[1] → condition/c`. */
const mentions = (entity: Entity): string[] => referencesOf(entity).map(({ path, to }) => `${path} → ${entityKey(to)}`);

describe('what an entity mentions', () => {
  it('are the conditions and delegates of its rules', () => {
    const rules = [
      ruleOf('a', { conditionIds: ['x', 'y'] }),
      ruleOf('b', { conditionIds: ['x'], configDelegate: 'e' }),
    ];
    const expected = [
      'rules[0].conditionIds[0] → condition/x',
      'rules[0].conditionIds[1] → condition/y',
      'rules[1].conditionIds[0] → condition/x',
      'rules[1].configDelegate → config/e',
    ];
    for (const $case of ['gate', 'config', 'layer'] as const) {
      assert.deepEqual(mentions(specOf($case, 's', rules)), expected);
    }
    const rule: Entity = {
      name: 'o',
      version: 0,
      body: { $case: 'overrideRule', value: ruleOf('o', { conditionIds: ['x'], configDelegate: '' }) },
    };
    assert.deepEqual(mentions(rule), ['conditionIds[0] → condition/x']);
  });

  it('is what a condition asks', () => {
    const cases: [Parameters<typeof conditionOf>[1], string[]][] = [
      [{ type: 'pass_gate', targetValueJson: '"g"' }, ['targetValueJson → gate/g']],
      [{ type: 'fail_gate', targetValueJson: '"g"' }, ['targetValueJson → gate/g']],
      [{ type: 'experiment_group', field: 'e', targetValueJson: '["A"]' }, ['field → config/e']],
      [{ type: 'unit_id', operator: 'in_segment_list', targetValueJson: '"l"' }, ['targetValueJson → id_list/l']],
      [{ type: 'unit_id', operator: 'not_in_segment_list', targetValueJson: '"l"' }, ['targetValueJson → id_list/l']],
      [{ type: 'user_field', operator: 'any', field: 'email', targetValueJson: '["g"]' }, []],
      [{ type: 'pass_gate', targetValueJson: '["g"]' }, []],
      [{ type: 'pass_gate', targetValueJson: 'g"' }, []],
      [{ type: 'pass_gate', targetValueJson: undefined }, []],
      [{ type: 'pass_gate', targetValueJson: '""' }, []],
    ];
    for (const [part, expected] of cases) assert.deepEqual(mentions(conditionOf('c', part)), expected);
  });

  it("are the sources of a parameter store's parameters", () => {
    const parameter = (refType: string, bodyJson: string) => ({ refType, paramType: 'string', bodyJson });
    const parameters = {
      a: parameter('gate', '{"gate_name":"g"}'),
      b: parameter('dynamic_config', '{"config_name":"c"}'),
      c: parameter('experiment', '{"experiment_name":"e"}'),
      d: parameter('layer', '{"layer_name":"l"}'),
      e: parameter('static', '{"value":"g","gate_name":"g"}'),
      f: parameter('gate', '{"gate_name":1}'),
      g: parameter('gate', 'nonsense'),
    };
    const store: Entity = {
      name: 's',
      version: 0,
      body: { $case: 'paramStore', value: { parameters, targetAppIds: undefined, version: undefined } },
    };
    assert.deepEqual(mentions(store), [
      'parameters.a.gate_name → gate/g',
      'parameters.b.config_name → config/c',
      'parameters.c.experiment_name → config/e',
      'parameters.d.layer_name → layer/l',
    ]);
  });

  it('are both sides of a mapping, and of the place in a layer', () => {
    const mappings = [{ newConfigName: 'n', rules: [{ ruleName: 'r', startTimeMs: undefined }] }];
    const override: Entity = { name: 'c', version: 0, body: { $case: 'override', value: { mappings } } };
    assert.deepEqual(mentions(override), [
      'mappings[0].newConfigName → config/n',
      'mappings[0].rules[0].ruleName → override_rule/r',
    ]);
    const place: Entity = { name: 'e', version: 0, body: { $case: 'experimentLayer', value: 'l' } };
    assert.deepEqual(mentions(place), ['name → config/e', 'experimentLayer → layer/l']);
  });

  it("is a bandit's gate, and nothing for what names nobody", () => {
    const bandit: Entity = {
      name: 'b',
      version: 0,
      body: { $case: 'cmab', value: { bodyJson: '{"targetingGateName":"g"}' } },
    };
    assert.deepEqual(mentions(bandit), ['targetingGateName → gate/g']);
    assert.deepEqual(mentions({ name: 's', version: 0, body: { $case: 'settingJson', value: '"g"' } }), []);
    assert.deepEqual(
      mentions({ name: 'l', version: 0, body: { $case: 'idList', value: { keys: '', idType: '' } } }),
      [],
    );
    assert.deepEqual(mentions({ name: 'x', version: 0, body: undefined }), []);
  });
});

describe('what would do for a mention', () => {
  it('is the entity itself, or a bandit for a config', () => {
    const answerers = (section: Section): string[] => answerersOf({ path: '', to: { section, name: 'a' } });
    assert.deepEqual(answerers(Section.CONFIG), ['config/a', 'cmab/a']);
    assert.deepEqual(answerers(Section.GATE), ['gate/a']);
  });
});
