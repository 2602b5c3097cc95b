import assert from 'node:assert/strict';
import { SluiceError } from '@sluice/mesh';
import type { Entity } from '@sluice/proto';
import { checkEntities } from './check-entities.js';
import { advance, type Head, type Plan } from './head.js';
import {
  asksGate,
  conditionOf,
  configOf,
  emptyHead,
  gateOf,
  headWith,
  layerOf,
  planOf,
  refusal,
  ruleOf,
  testMoment,
} from './test/heads.js';

const check = (head: Head, plan: Plan, isTolerant = false) =>
  checkEntities(head, advance(head, plan, testMoment), isTolerant);
const asking = (name: string, conditionId: string): Entity =>
  gateOf(name, [ruleOf('r', { conditionIds: [conditionId] })]);

const bucketsBelow = (name: string, limit: number): Entity =>
  conditionOf(name, { type: 'user_bucket', idType: 'userID', operator: 'lt', targetValueJson: String(limit) });
const twoExperiments = [
  configOf('a'),
  configOf('b'),
  bucketsBelow('some', 300),
  layerOf('l', [
    ruleOf('x', { configDelegate: 'a', conditionIds: ['some'] }),
    ruleOf('y', { configDelegate: 'b', conditionIds: ['some'] }),
  ]),
];

describe('a change', () => {
  it('that makes sense is accepted without a word', () => {
    assert.deepEqual(check(emptyHead, planOf([asking('a', 'c'), asksGate('c', 'b'), gateOf('b')])), []);
  });

  it('is refused for what leads nowhere, with the place', () => {
    assert.throws(
      () => check(emptyHead, planOf([asking('a', 'gone')])),
      refusal('invalid', 'gate/a rules[0].conditionIds[0]', /there is no condition\/gone; write it too/),
    );
  });

  it('is refused when it takes away what others use', () => {
    assert.throws(
      () => check(headWith(asking('a', 'c'), conditionOf('c')), planOf([], 'condition/c')),
      refusal('invalid', 'gate/a rules[0].conditionIds[0]', /still refers to condition\/c; change gate\/a first/),
    );
  });

  it('is refused when experiments of one layer would share units', () => {
    assert.throws(
      () => check(emptyHead, planOf(twoExperiments)),
      refusal('invalid', 'layer/l rules[1]', /b and a are both given 300 buckets from 0 to 299/),
    );
  });

  it('is refused for a circle, also when it comes from somewhere else', () => {
    const circle = planOf([asking('a', 'c'), asksGate('c', 'a')]);
    for (const isTolerant of [false, true]) {
      assert.throws(
        () => check(emptyHead, circle, isTolerant),
        refusal('invalid', 'gate/a', /asks for itself: gate\/a/),
      );
    }
  });

  it('that comes from somewhere else has warnings for the rest', () => {
    const plan = planOf([...twoExperiments, asking('a', 'gone')]);
    assert.deepEqual(
      check(emptyHead, plan, true).map(({ path, severity }) => [path, severity]),
      [
        ['gate/a rules[0].conditionIds[0]', 'warning'],
        ['layer/l rules[1]', 'warning'],
      ],
    );
  });

  it('has warnings for what was wrong before', () => {
    const held = headWith(...twoExperiments, asking('a', 'gone'));
    const plan = planOf([
      gateOf('a', [ruleOf('r', { conditionIds: ['gone'], passPercentage: 5 })]),
      bucketsBelow('some', 400),
    ]);
    assert.deepEqual(
      check(held, plan).map(({ path }) => path),
      ['gate/a rules[0].conditionIds[0]', 'layer/l rules[1]'],
    );
  });

  it('that is wrong all over is told of some, in few words', () => {
    const name = 'x'.repeat(500);
    const rules = Array.from({ length: 50 }, () => ruleOf('r', { conditionIds: [name] }));
    assert.throws(
      () => check(emptyHead, planOf([gateOf(name, rules)])),
      (error) => {
        assert(error instanceof SluiceError);
        assert.equal(error.problems.length, 20);
        for (const { field, message } of error.problems) assert(field.length <= 200 && message.length <= 400);
        return true;
      },
    );
  });
});
