import assert from 'node:assert/strict';
import { makeCondition, makeConfig, makeDocument, makeGate, makeRule } from './ruleset-fixture.js';
import { parseStatsigDocument, StatsigDocumentError } from './statsig-document.js';
import { formatStatsigDocument } from './statsig-format.js';

/** Paths of the failures of a document. */
function failures(text: string): string[] {
  try {
    parseStatsigDocument(text);
    return [];
  } catch (error) {
    assert.ok(error instanceof StatsigDocumentError);
    return error.problems.map(({ path }) => path);
  }
}

describe('config-spec documents', () => {
  it('read and written again say the same, number spellings included', () => {
    const value = '{"price":1.0,"big":123456789012345678901234567890}';
    const text = makeDocument({
      app_id: 'app',
      default_environment: 'staging',
      sdk_flags: { a: true },
      unknown_key: [1.5],
      condition_map: { c: makeCondition('user_bucket', 'any', { 17: true }, { additionalValues: { salt: 's' } }) },
      feature_gates: { g: makeGate([makeRule('r', ['c'], { salt: undefined, groupName: 'x', samplingRate: 3 })]) },
      dynamic_configs: { e: makeConfig([], { isActive: false, explicitParameters: [], version: undefined }) },
      layer_configs: { l: makeConfig([], { entity: 'layer', useNewLayerEval: true }) },
      experiment_to_layer: { e: 'l' },
      param_stores: { p: { parameters: { x: { ref_type: 'static', param_type: 'number', value: 1 } }, version: 2 } },
      cmab_configs: {
        b: {
          salt: 's',
          idType: 'userID',
          enabled: true,
          version: 4,
          sampleRate: 0.5,
          higherIsBetter: true,
          groups: [],
          defaultValue: {},
        },
      },
      overrides: { e: [{ new_config_name: 'f', rules: [{ rule_name: 'r', start_time: 7 }] }] },
      override_rules: { r: makeRule('r', []) },
    }).replace('{"d":1}', value);
    const { ruleset, problems } = parseStatsigDocument(text);
    assert.deepEqual(problems, []);
    assert.equal(ruleset.configs.get('e')?.defaultValue, value);
    assert.equal(ruleset.settings.get('unknown_key'), '[1.5]');
    const again = formatStatsigDocument(ruleset);
    assert.deepEqual(parseStatsigDocument(again).ruleset, ruleset);
    assert.equal(formatStatsigDocument(parseStatsigDocument(again).ruleset), again);
  });

  it('drop malformed specs and keep the rest', () => {
    const { ruleset, problems } = parseStatsigDocument(
      makeDocument({
        feature_gates: {
          good: makeGate([]),
          noIdType: makeGate([], { idType: undefined }),
          version: makeGate([], { version: -1 }),
          rule: makeGate([{ id: 'r' }]),
          notObject: 5,
        },
      }),
    );
    assert.deepEqual([...ruleset.gates.keys()], ['good']);
    assert.deepEqual(
      problems.map(({ path, severity }) => `${severity} ${path}`),
      [
        'warning feature_gates.noIdType.idType',
        'warning feature_gates.version.version',
        'warning feature_gates.rule.rules[0].name',
        'warning feature_gates.notObject',
      ].map((line) => line.replace('rules[0].name', 'rules[0].name')),
    );
  });

  it('fail as a whole for anything else, with every reason', () => {
    assert.deepEqual(failures('{}').sort(), [
      'condition_map',
      'dynamic_configs',
      'experiment_to_layer',
      'feature_gates',
      'has_updates',
      'layer_configs',
      'time',
    ]);
    assert.deepEqual(failures(makeDocument({ condition_map: { c: { type: 'public' } } })), ['condition_map.c.idType']);
    assert.deepEqual(failures(makeDocument({ sdk_flags: { a: 1 } })), ['sdk_flags.a']);
    assert.deepEqual(failures(makeDocument({ id_lists: [] })), ['id_lists']);
    assert.deepEqual(failures(makeDocument({ time: -1 })), ['time']);
    assert.deepEqual(failures(makeDocument({ feature_gates: [] })), ['feature_gates']);
    assert.deepEqual(failures('{"has_updates":false}')[0], 'has_updates');
    assert.throws(
      () =>
        parseStatsigDocument(
          '{"has_updates":true,"time":1,"feature_gates":[],"dynamic_configs":[],"layer_configs":[]}',
        ),
      /version 1 document; fetch \/v2\//,
    );
    assert.deepEqual(failures('nonsense'), ['']);
    assert.deepEqual(failures('[]'), ['']);
  });
});
