import assert from 'node:assert/strict';
import type { EntityOverrides, OverrideGroup } from '@sluice/proto';
import type { Head } from './head.js';
import { planImport } from './plan-import.js';
import { planWrite } from './plan-write.js';
import {
  askGate,
  askLayer,
  carriedOn,
  experimentOf,
  gateOf,
  headWith,
  inLayerOf,
  layerOf,
  refOf,
  refusal,
  ruleOf,
} from './test/heads.js';
import { type Answer, leftBehind, listed, overrideOf, put } from './test/overrides.js';

const half = gateOf('g', [ruleOf('half', { passPercentage: 50 })]);
const group = (value: Answer, ...unitIds: string[]): OverrideGroup => ({
  ...{ idType: '', unitIds, value: overrideOf(value) },
});
const stated = (key: string, ...groups: OverrideGroup[]): EntityOverrides => ({ ref: refOf(key), groups });

describe('stated overrides', () => {
  const ways: [string, (head: Head, ...overrides: EntityOverrides[]) => Head][] = [
    ['a write', (head, ...overrides) => carriedOn(head, planWrite(head, [half], overrides)).head],
    ['an import', (head, ...overrides) => carriedOn(head, planImport(head, [half], false, overrides)).head],
  ];
  for (const [how, become] of ways) {
    it(`take the place of those that stand, in ${how}`, () => {
      const held = put(put(headWith(half), 'gate/g', ['ada'], true), 'gate/g', ['bob'], false);
      const head = become(held, stated('gate/g', group(true, 'cyd', 'dan'), group(false, 'dan')));
      assert.deepEqual(listed(head, 'gate/g'), ['userID cyd true', 'userID dan false']);
      assert.equal(askGate(head, 'g', 'cyd').value, true);
      assert.deepEqual(leftBehind(head), []);
      const none = become(head, stated('gate/g'));
      assert.deepEqual(listed(none, 'gate/g'), []);
      assert.deepEqual(leftBehind(none), []);
    });

    it(`come with an entity that ${how} makes`, () => {
      assert.deepEqual(listed(become(headWith(), stated('gate/g', group(true, 'ada'))), 'gate/g'), ['userID ada true']);
    });
  }

  it('reach the layer of their experiment, and leave its other experiments alone', () => {
    const parts = [experimentOf('e'), experimentOf('f'), layerOf('l'), inLayerOf('e', 'l'), inLayerOf('f', 'l')];
    const held = put(headWith(...parts), 'config/f', ['bob'], 'B');
    const overrides = [stated('config/e', group('A', 'ada')), stated('layer/l', group('{"group":"mine"}', 'cyd'))];
    const { head } = carriedOn(held, planWrite(held, [experimentOf('e')], overrides));
    const groups = ['ada', 'bob', 'cyd'].map((id) => askLayer(head, 'l', id).value.group);
    assert.deepEqual(groups, ['A', 'B', 'mine']);
  });

  const wrong: [string, EntityOverrides, string, RegExp][] = [
    ['nobody', stated('gate/g', group(true, '')), 'overrides[0].groups[0].unit_ids[0]', /has 0 characters/],
    ['another kind', stated('gate/g', group('A', 'ada')), 'overrides[0].groups[0].value', /must be a bool_value/],
    ['what is not there', stated('gate/h', group(true, 'a')), 'overrides[0].ref', /there is no gate\/h; write it too/],
    ['what has none', stated('condition/c'), 'overrides[0].ref', /must name a gate, config, experiment or layer/],
    [
      'too many groups',
      stated('gate/g', ...Array.from({ length: 101 }, () => group(true, 'a'))),
      'overrides[0].groups',
      /are 101; the limit is 100/,
    ],
  ];
  for (const [what, overrides, field, message] of wrong) {
    it(`are refused for ${what}`, () => {
      assert.throws(() => planWrite(headWith(half), [half], [overrides]), refusal('invalid', field, message));
    });
  }

  it('do not go with a document of another system', () => {
    const overrides = [stated('gate/g', group(true, 'a'))];
    assert.throws(
      () => planImport(headWith(half), [half], true, overrides),
      refusal('invalid', 'overrides', /is_tolerant/),
    );
  });
});
