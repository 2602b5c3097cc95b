import assert from 'node:assert/strict';
import type { Cmab, Condition, Ruleset, Spec } from '@sluice/engine';
import { Entity } from '@sluice/proto';
import fc from 'fast-check';
import { applyEntities, changesFromEntities } from './changes.js';
import { EntityError } from './entity-error.js';
import { PackedIdList } from './id-list.js';
import { entitiesFromRuleset, rulesetFromEntities } from './ruleset.js';
import { entityKey, sectionOf } from './sections.js';

/** `__proto__` can't be a map's key on the wire. */
const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 8 }).filter((text) => text !== '__proto__');
const text = fc.string({ unit: 'grapheme', maxLength: 8 });
const jsonText = fc.oneof(
  fc.constantFrom('1.0', '12345678901234567890', '{"a":1.50,"b":[null,true]}', '"text"', 'false', '{}'),
  fc.json({ maxDepth: 2 }),
);
const count = fc.nat(2 ** 31);
const flag = fc.boolean();
const texts = fc.array(text, { maxLength: 3 });
const mapOf = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<ReadonlyMap<string, Value>> =>
  fc.array(fc.tuple(name, value), { maxLength: 4 }).map((entries) => new Map(entries));
const recordOf = <Value>(value: fc.Arbitrary<Value>): fc.Arbitrary<Record<string, Value>> =>
  fc.dictionary(name, value, { minKeys: 1, maxKeys: 4, noNullPrototype: true });

const rule = fc.record(
  {
    id: text,
    name: text,
    passPercentage: fc.double({ min: 0, max: 100, noNaN: true }).map((value) => value + 0),
    conditions: texts,
    returnValue: jsonText,
    idType: text,
    salt: text,
    groupName: text,
    isExperimentGroup: flag,
    configDelegate: text,
    samplingRate: count,
  },
  { requiredKeys: ['id', 'name', 'passPercentage', 'conditions', 'returnValue', 'idType'], noNullPrototype: true },
);

const spec = fc.record(
  {
    entity: text,
    salt: text,
    enabled: flag,
    defaultValue: jsonText,
    rules: fc.array(rule, { maxLength: 3 }),
    idType: text,
    version: count,
    isActive: flag,
    hasSharedParams: flag,
    explicitParameters: texts,
    targetAppIDs: texts,
    forwardAllExposures: flag,
    useNewLayerEval: flag,
    fieldsUsed: texts,
  },
  { requiredKeys: ['entity', 'salt', 'enabled', 'defaultValue', 'rules', 'idType'], noNullPrototype: true },
);

const specs: fc.Arbitrary<ReadonlyMap<string, Spec>> = mapOf(spec).map(
  (map) => new Map([...map].map(([key, value]) => [key, { ...value, name: key }])),
);

const condition: fc.Arbitrary<Condition> = fc.record(
  { type: text, idType: text, targetValue: jsonText, operator: text, field: text, additionalValues: recordOf(text) },
  { requiredKeys: ['type', 'idType'], noNullPrototype: true },
);

const parameter = fc.record({ refType: text, paramType: text, body: jsonText }, { noNullPrototype: true });
const paramStore = fc.record(
  { parameters: recordOf(parameter), targetAppIDs: texts, version: count },
  { requiredKeys: ['parameters'], noNullPrototype: true },
);

const weight = fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0);
const weights = fc.record(
  {
    alpha: weight,
    intercept: weight,
    records: count,
    weightsNumerical: recordOf(weight),
    weightsCategorical: recordOf(recordOf(weight)),
  },
  { noNullPrototype: true },
);
/** Compact, because numbers keep their spelling and blanks do not. */
const compactText = fc.oneof(
  fc.constantFrom('{"price":1.0}', '[12345678901234567890]'),
  fc.jsonValue({ maxDepth: 2 }).map((value) => JSON.stringify(value)),
);
const cmab: fc.Arbitrary<Cmab> = fc.record(
  {
    salt: text,
    idType: text,
    enabled: flag,
    version: count,
    sampleRate: weight,
    higherIsBetter: flag,
    groups: fc.array(fc.record({ id: text, name: text, parameterValues: compactText }, { noNullPrototype: true }), {
      maxLength: 3,
    }),
    config: recordOf(weights),
    defaultValue: compactText,
    targetingGateName: text,
    targetAppIDs: texts,
  },
  {
    requiredKeys: ['salt', 'idType', 'enabled', 'sampleRate', 'higherIsBetter', 'groups', 'defaultValue'],
    noNullPrototype: true,
  },
);

const mapping = fc.record(
  {
    newConfigName: text,
    rules: fc.array(
      fc.record({ ruleName: text, startTimeMs: count }, { requiredKeys: ['ruleName'], noNullPrototype: true }),
      { maxLength: 3 },
    ),
  },
  { noNullPrototype: true },
);

const reserved = ['time', 'app_id', 'default_environment'];
const ruleset: fc.Arbitrary<Ruleset> = fc.record(
  {
    time: count,
    gates: specs,
    configs: specs,
    layers: specs,
    conditions: mapOf(condition),
    paramStores: mapOf(paramStore),
    cmabs: mapOf(cmab),
    overrides: mapOf(fc.array(mapping, { maxLength: 3 })),
    overrideRules: mapOf(rule),
    idLists: mapOf(fc.constantFrom(new PackedIdList('AAAAAAAAbbbbbbbb', 'userID'), new PackedIdList('', ''))),
    experimentToLayer: mapOf(text),
    appId: jsonText,
    defaultEnvironment: text,
    settings: mapOf(jsonText).map((map) => new Map([...map].filter(([key]) => !reserved.includes(key)))),
  },
  {
    requiredKeys: [
      'time',
      'gates',
      'configs',
      'layers',
      'conditions',
      'paramStores',
      'cmabs',
      'overrides',
      'overrideRules',
      'idLists',
      'experimentToLayer',
      'settings',
    ],
    noNullPrototype: true,
  },
);

/** Over the wire and back. */
const sent = (entities: readonly Entity[]): Entity[] =>
  entities.map((entity) => Entity.decode(Entity.encode(entity).finish()));

describe('rulesets as entities', () => {
  it('lose nothing, also over the wire', () => {
    fc.assert(
      fc.property(ruleset, (before) => {
        assert.deepEqual(rulesetFromEntities(entitiesFromRuleset(before)), before);
        assert.deepEqual(rulesetFromEntities(sent(entitiesFromRuleset(before))), before);
      }),
    );
  });

  it('keep the order of each section', () => {
    fc.assert(
      fc.property(ruleset, (before) => {
        const after = rulesetFromEntities(entitiesFromRuleset(before));
        assert.deepEqual([...after.gates.keys()], [...before.gates.keys()]);
        assert.deepEqual([...after.conditions.keys()], [...before.conditions.keys()]);
      }),
    );
  });

  it('change like they would be made anew, and leave the old one as it was', () => {
    fc.assert(
      fc.property(ruleset, ruleset, (before, after) => {
        const entities = entitiesFromRuleset(after);
        const kept = new Set(entities.map(entityKey));
        const gone = entitiesFromRuleset(before).filter((entity) => !kept.has(entityKey(entity)));
        const deletions = gone.map((entity) => ({ section: sectionOf(entity), name: entity.name }));
        const untouched = rulesetFromEntities(entitiesFromRuleset(before));
        const changed = applyEntities(before, entities, deletions);
        assert.deepEqual(changed.ruleset, after);
        assert.deepEqual(before, untouched);
        assert.deepEqual(changed.changes, changesFromEntities(entities, deletions));
      }),
    );
  });

  it('copy only the sections that a change touches', () => {
    const before = rulesetFromEntities([]);
    const entity: Entity = { name: 'a', version: 0, body: { $case: 'experimentLayer', value: 'l' } };
    const after = applyEntities(before, [entity], []).ruleset;
    assert.notEqual(after.experimentToLayer, before.experimentToLayer);
    assert.equal(after.gates, before.gates);
  });

  it('leave SDK keys out', () => {
    const key: Entity = {
      name: 'digest',
      version: 1,
      body: { $case: 'key', value: { keyClass: 1, project: 'p', environment: 'e', canWrite: false, label: '' } },
    };
    assert.deepEqual(rulesetFromEntities([key]), rulesetFromEntities([]));
    assert.deepEqual(changesFromEntities([key], [{ section: sectionOf(key), name: 'digest' }]), {});
  });

  it('pass on a setting of the wrong type instead of reading it', () => {
    const before = rulesetFromEntities([{ name: 'time', version: 0, body: { $case: 'settingJson', value: '17' } }]);
    assert.equal(before.time, 17);
    const wrong: Entity = { name: 'time', version: 0, body: { $case: 'settingJson', value: '"noon"' } };
    const { ruleset: after } = applyEntities(before, [wrong], []);
    assert.equal(after.time, 0);
    assert.equal(after.settings.get('time'), '"noon"');
    assert.deepEqual(rulesetFromEntities([wrong]), after);
  });

  it('name the bandit and its member when a text can not be read', () => {
    const cmabOf = (bodyJson: string): Entity => ({
      name: 'b',
      version: 0,
      body: { $case: 'cmab', value: { bodyJson } },
    });
    const refusals: [string, RegExp][] = [
      ['{', /^cmab\/b: body_json is not JSON text/],
      ['[]', /^cmab\/b: body_json must be the JSON text of an object/],
      ['{"version":"x"}', /^cmab\/b: version has the wrong type/],
      ['{"salt":"s"}', /^cmab\/b: idType is missing/],
    ];
    for (const [bodyJson, message] of refusals) {
      assert.throws(
        () => rulesetFromEntities([cmabOf(bodyJson)]),
        (error) => error instanceof EntityError && message.test(error.message),
      );
    }
  });
});
