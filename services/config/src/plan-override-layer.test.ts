import assert from 'node:assert/strict';
import { entityKey } from '@sluice/codec';
import fc from 'fast-check';
import type { Head } from './head.js';
import { planPutOverride, requireTarget } from './plan-override.js';
import {
  askConfig,
  askLayer,
  conditionOf,
  experimentOf,
  headWith,
  heldIn,
  inLayerOf,
  layerOf,
  refOf,
  ruleOf,
  specIn,
} from './test/heads.js';
import { type Answer, leftBehind, listed, overrideOf, put, remove, stepsOf, units, walk } from './test/overrides.js';

describe('overrides of an experiment in a layer', () => {
  const none = conditionOf('none', {
    ...{ type: 'user_bucket', idType: 'userID', operator: 'lt', targetValueJson: '0' },
    additionalValues: { salt: 'l' },
  });
  const allocation = ruleOf('allocation', { configDelegate: 'e', conditionIds: ['none'] });
  const parameters = { hasSharedParams: true, explicitParameters: { values: ['group'] } };
  const layered = (part: Parameters<typeof layerOf>[2] = {}): Head =>
    headWith(experimentOf('e', parameters), layerOf('l', [allocation], part), inLayerOf('e', 'l'), none);

  function checkAnswers(head: Head, id: string, group: Answer | undefined): void {
    const { value, allocatedExperiment, groupName } = askLayer(head, 'l', id);
    const expected = group === undefined ? ['of the layer', null, null] : [group, 'e', group];
    assert.deepEqual([value.group, allocatedExperiment, groupName], expected, id);
    if (group !== undefined) assert.equal(askConfig(head, 'e', id, 'experiment').groupName, group);
  }

  for (const useNewLayerEval of [false, true]) {
    it(`are what their units get from the layer${useNewLayerEval ? ' that merges its rules' : ''}`, () => {
      const start = layered({ useNewLayerEval });
      fc.assert(
        fc.property(stepsOf(['A', 'B']), (steps) => {
          for (const { head, expected } of walk(start, 'config/e', steps)) {
            for (const id of [...units, 'eve']) checkAnswers(head, id, expected.get(id));
            if (expected.size === 0) assert.deepEqual(specIn(head, 'layer/l'), specIn(start, 'layer/l'));
          }
        }),
        { numRuns: 40 },
      );
    });
  }

  it('give the layer one rule for each id type, which is no override of the layer', () => {
    const head = put(put(layered(), 'config/e', ['bob'], 'A'), 'config/e', ['ada'], 'B');
    const [rule, ...others] = specIn(head, 'layer/l').rules;
    assert.deepEqual([rule?.id, rule?.configDelegate, rule?.passPercentage], ['e:userID:id_override', 'e', 100]);
    assert.deepEqual(others, [allocation]);
    assert.deepEqual(listed(head, 'layer/l'), []);
    const { body } = heldIn(head, `condition/${rule?.conditionIds[0]}`).entity;
    assert(body?.$case === 'condition');
    assert.equal(body.value.targetValueJson, '["ada","bob"]');
  });

  it('leave those of other experiments, and of the layer itself, alone', () => {
    const both = headWith(
      ...[experimentOf('e', parameters), experimentOf('f', parameters), inLayerOf('e', 'l'), inLayerOf('f', 'l')],
      layerOf('l'),
    );
    const all = put(
      put(put(both, 'config/e', ['ada'], 'A'), 'config/f', ['bob'], 'B'),
      'layer/l',
      ['cyd'],
      '{"group":"mine"}',
    );
    const groupsOf = (head: Head) =>
      ['ada', 'bob', 'cyd'].map((id) => {
        const { allocatedExperiment, value } = askLayer(head, 'l', id);
        return `${allocatedExperiment} ${value.group}`;
      });
    assert.deepEqual(groupsOf(all), ['e A', 'f B', 'null mine']);
    const [less] = remove(all, 'config/e', ['ada']);
    assert.deepEqual(groupsOf(less), ['null of the layer', 'f B', 'null mine']);
    assert.deepEqual(listed(less, 'layer/l'), ['userID cyd {"group":"mine"}']);
    assert.deepEqual(leftBehind(less), []);
  });

  it('do without a layer that is not there', () => {
    const head = put(headWith(experimentOf('e'), inLayerOf('e', 'gone')), 'config/e', ['ada'], 'A');
    assert.equal(askConfig(head, 'e', 'ada', 'experiment').groupName, 'A');
  });
});

describe('a plan of overrides', () => {
  it('never writes what it takes away', () => {
    const start = headWith(experimentOf('e'), layerOf('l'), inLayerOf('e', 'l'));
    const held = put(put(start, 'config/e', ['ada'], 'A'), 'config/e', ['bob'], 'B');
    const plan = planPutOverride(held, requireTarget(held, refOf('config/e')), {
      ...{ idType: 'userID', unitIds: ['ada'], value: overrideOf('B') },
    });
    const written = new Set(plan.upserts.map(entityKey));
    assert.deepEqual(
      plan.deletions.filter((ref) => written.has(entityKey(ref))),
      [],
    );
    assert.equal(plan.deletions.length, 1);
  });
});
