import assert from 'node:assert/strict';
import { cmabFromJson, cmabToJson } from './cmab.js';
import { EntityError } from './entity-error.js';

const weights = {
  alpha: 0.5,
  intercept: 1,
  records: 10,
  weightsNumerical: { age: 2 },
  weightsCategorical: { plan: { pro: 3 } },
};
const bandit = {
  salt: 's',
  idType: 'userID',
  enabled: true,
  sampleRate: 0.25,
  higherIsBetter: false,
  groups: [{ id: 'g1', name: 'One', parameterValues: { price: 1 } }],
  config: { g1: weights },
  defaultValue: { price: 0 },
  targetingGateName: 'only-pros',
};

/** The bandit with one member changed, by its path; undefined takes it out. */
function changed(path: readonly (string | number)[], value: unknown): string {
  const copy: unknown = structuredClone(bandit);
  const last = path.at(-1) ?? '';
  const holder = path.slice(0, -1).reduce((at, name) => (at as Record<string, unknown>)[name], copy);
  (holder as Record<string, unknown>)[last] = value;
  return JSON.stringify(copy);
}

function refusal(text: string): string {
  try {
    cmabFromJson('welcome', text);
  } catch (error) {
    assert(error instanceof EntityError);
    assert.equal(error.key, 'cmab/welcome');
    return error.message.replace(/^cmab\/welcome: /, '');
  }
  throw new Error(`accepted: ${text}`);
}

describe("a bandit's JSON text", () => {
  it('is read with all its members', () => {
    const { groups, defaultValue, config, ...rest } = cmabFromJson('welcome', JSON.stringify(bandit));
    assert.deepEqual(groups, [{ id: 'g1', name: 'One', parameterValues: '{"price":1}' }]);
    assert.equal(defaultValue, '{"price":0}');
    assert.deepEqual(config, { g1: weights });
    assert.deepEqual(rest, {
      ...{ salt: 's', idType: 'userID', enabled: true, sampleRate: 0.25, higherIsBetter: false },
      targetingGateName: 'only-pros',
    });
  });

  it('keeps the spelling of numbers in what it answers', () => {
    const text = JSON.stringify(bandit).replace('"defaultValue":{"price":0}', '"defaultValue":{"price":0.10}');
    const read = cmabFromJson('welcome', text);
    assert.equal(read.defaultValue, '{"price":0.10}');
    assert.deepEqual(cmabFromJson('welcome', cmabToJson(read)), read);
  });

  it('takes null for absent where a member may be', () => {
    for (const name of ['version', 'config', 'targetingGateName', 'targetAppIDs']) {
      assert(!(name in cmabFromJson('welcome', changed([name], null))), name);
    }
  });

  it('says which apps may have it', () => {
    assert.deepEqual(cmabFromJson('welcome', changed(['targetAppIDs'], ['a', 'b'])).targetAppIDs, ['a', 'b']);
  });

  it('takes any name for a group of weights', () => {
    const text = JSON.stringify(bandit).replace('"config":{"g1"', '"config":{"__proto__"');
    assert.deepEqual(Object.keys(cmabFromJson('welcome', text).config ?? {}), ['__proto__']);
  });

  it('is refused with the path of the member that is wrong', () => {
    const refusals: [path: (string | number)[], value: unknown, message: string][] = [
      [['salt'], 1, 'salt has the wrong type'],
      [['enabled'], 'yes', 'enabled has the wrong type'],
      [['sampleRate'], undefined, 'sampleRate is missing'],
      [['targetAppIDs'], ['a', 1], 'targetAppIDs has the wrong type'],
      [['groups'], {}, 'groups has the wrong type'],
      [['groups', 0], 'g1', 'groups[0] has the wrong type'],
      [['groups', 0, 'name'], undefined, 'groups[0].name is missing'],
      [['config', 'g1'], 1, 'config.g1 has the wrong type'],
      [['config', 'g1', 'alpha'], '1', 'config.g1.alpha has the wrong type'],
      [['config', 'g1', 'weightsNumerical', 'age'], true, 'config.g1.weightsNumerical.age has the wrong type'],
      [['config', 'g1', 'weightsCategorical', 'plan'], 2, 'config.g1.weightsCategorical.plan has the wrong type'],
      [
        ['config', 'g1', 'weightsCategorical', 'plan', 'pro'],
        'x',
        'config.g1.weightsCategorical.plan.pro has the wrong type',
      ],
    ];
    for (const [path, value, message] of refusals) assert.equal(refusal(changed(path, value)), message);
  });
});
