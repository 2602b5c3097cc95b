import assert from 'node:assert/strict';
import { rulesetFromEntities } from '@sluice/codec';
import { compile } from '@sluice/engine';
import { DecisionError, type Entity, Kind, Reason } from '@sluice/proto';
import { decideKeys } from './decide.js';

const gate: Entity = {
  name: 'on',
  version: 1,
  body: {
    $case: 'gate',
    value: {
      ...{ entity: 'feature_gate', salt: 's', enabled: true, defaultValueJson: 'false', idType: 'userID' },
      rules: [
        {
          ...{ id: 'all', name: 'all', passPercentage: 100, conditionIds: [] },
          ...{ returnValueJson: 'true', idType: 'userID' },
        },
      ],
    } as never,
  },
};

const store: Entity = {
  name: 'texts',
  version: 3,
  body: {
    $case: 'paramStore',
    value: {
      parameters: {
        title: parameter({ ref_type: 'static', param_type: 'string', value: 'Shop' }),
        isNew: parameter({
          ...{ ref_type: 'gate', param_type: 'boolean' },
          ...{ gate_name: 'on', pass_value: 'yes', fail_value: 'no' },
        }),
        lost: parameter({ ref_type: 'layer', param_type: 'string', layer_name: 'none', param_name: 'x' }),
      },
      targetAppIds: undefined,
    },
  },
};

function parameter(body: { ref_type: string; param_type: string } & Record<string, unknown>) {
  return { refType: body.ref_type, paramType: body.param_type, bodyJson: JSON.stringify(body) };
}

const { program } = compile(rulesetFromEntities([gate, store]));

describe('a parameter store, decided as a whole', () => {
  const decide = (name: string, isStale = false) =>
    decideKeys({ program, user: { userID: 'u' }, context: { now: 0 }, isStale }, [{ kind: Kind.PARAM_STORE, name }])[0];

  it('has each value, and what it was taken from', () => {
    const decision = decide('texts');
    assert.deepEqual(JSON.parse(decision?.valueJson ?? ''), { title: 'Shop', isNew: 'yes' });
    assert.deepEqual(decision?.parameterSources, [
      { parameter: 'isNew', source: { kind: Kind.GATE, name: 'on' } },
      { parameter: 'lost', source: { kind: Kind.LAYER, name: 'none' } },
    ]);
    assert.deepEqual([decision?.reason, decision?.kind], [Reason.STATIC, Kind.PARAM_STORE]);
    assert.equal(decide('texts', true)?.reason, Reason.STALE);
  });

  it('is an answer with a reason where there is none', () => {
    const decision = decide('none');
    assert.deepEqual(
      [decision?.reason, decision?.error, decision?.valueJson],
      [Reason.ERROR, DecisionError.FLAG_NOT_FOUND, '{}'],
    );
  });
});
