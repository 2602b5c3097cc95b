import assert from 'node:assert/strict';
import type { Condition, Entity } from '@sluice/proto';
import fc from 'fast-check';
import { findOverlaps } from './allocations.js';
import { changeOf, conditionOf, ruleOf, specOf } from './test/entities.js';

const bucket = (name: string, operator: string, target: unknown, part: Partial<Condition> = {}): Entity =>
  conditionOf(name, {
    ...{ type: 'user_bucket', idType: 'userID', operator, targetValueJson: JSON.stringify(target) },
    ...{ additionalValues: { salt: 's' }, ...part },
  });

type Slice = readonly [experiment: string, ...conditionIds: string[]];

const layerOf = (...slices: readonly Slice[]): Entity =>
  specOf(
    'layer',
    'l',
    slices.map(([configDelegate, ...conditionIds], at) => ruleOf(`r${at}`, { configDelegate, conditionIds })),
  );

const low = bucket('low', 'lt', 500);
const high = bucket('high', 'gte', 500);
const middle = [bucket('from 400', 'gte', 400), bucket('to 600', 'lt', 600)];
const conditions = [low, high, ...middle];
const overlaps = (held: readonly Entity[], written: readonly Entity[]) => findOverlaps(changeOf(held, written));
const count = (...written: readonly Entity[]): number => overlaps([], written).length;

const operators: Readonly<Record<string, (bucket: number, target: number) => boolean>> = {
  lt: (one, target) => one < target,
  lte: (one, target) => one <= target,
  gt: (one, target) => one > target,
  gte: (one, target) => one >= target,
};

describe('experiments of one layer', () => {
  it('may share a layer, not its units', () => {
    assert.deepEqual(overlaps([], [...conditions, layerOf(['a', 'low'], ['b', 'high'])]), []);
    assert.deepEqual(overlaps([], [...conditions, layerOf(['a', 'low'], ['b', 'from 400', 'to 600'])]), [
      {
        key: 'layer/l',
        path: 'rules[1]',
        message:
          'b and a are both given 100 buckets from 400 to 499 of 1000; ' +
          'experiments of one layer share no units, so move one of them',
        isOld: false,
      },
    ]);
  });

  it('overlap exactly where a bucket passes the conditions of two', () => {
    const part = fc.array(fc.tuple(fc.constantFrom(...Object.keys(operators)), fc.integer({ min: -2, max: 1_001 })), {
      minLength: 1,
      maxLength: 3,
    });
    fc.assert(
      fc.property(part, part, (left, right) => {
        const ids = (side: string, tests: typeof left): string[] => tests.map((_, at) => `${side}${at}`);
        const written = [left, right].flatMap((tests, side) =>
          tests.map(([operator, target], at) => bucket(`${side}${at}`, operator, target)),
        );
        const isIn = (tests: typeof left, one: number) =>
          tests.every(([operator, target]) => operators[operator]?.(one, target));
        const shared = Array.from({ length: 1_000 }, (_, one) => one).filter(
          (one) => isIn(left, one) && isIn(right, one),
        );
        const found = overlaps([], [...written, layerOf(['a', ...ids('0', left)], ['b', ...ids('1', right)])]);
        assert.equal(found.length, shared.length > 0 ? 1 : 0);
        const [first = 0] = shared;
        const spelled =
          shared.length > 1 ? `${shared.length} buckets from ${first} to ${shared.at(-1)} of` : `bucket ${first} of`;
        if (found[0]) assert(found[0].message.includes(spelled), `${found[0].message}, not ${spelled}`);
      }),
      { numRuns: 60 },
    );
  });

  it('overlap by lists of buckets too', () => {
    const some = bucket('some', 'any', [1, '2', 7]);
    const rest = bucket('rest', 'none', [1, 2, 7]);
    const two = bucket('two', 'any', [2]);
    assert.equal(count(some, rest, layerOf(['a', 'some'], ['b', 'rest'])), 0);
    const [problem] = overlaps([], [some, two, layerOf(['a', 'some'], ['b', 'two'])]);
    assert.match(problem?.message ?? '', /both given bucket 2 of 1000;/);
  });

  it('are each told of the first that has its units', () => {
    const all = bucket('all', 'gte', 0);
    const found = overlaps([], [...conditions, all, layerOf(['a', 'low'], ['b', 'high'], ['c', 'all'])]);
    assert.deepEqual(
      found.map(({ path, message }) => [path, message.split(' are ')[0]]),
      [
        ['rules[2]', 'c and a'],
        ['rules[2]', 'c and b'],
      ],
    );
  });

  it('do not overlap with themselves, at 0 percent, or in another cut', () => {
    assert.equal(count(low, layerOf(['a', 'low'], ['a', 'low'])), 0);
    const empty = ruleOf('r', { configDelegate: 'b', conditionIds: ['low'], passPercentage: 0 });
    const layer = specOf('layer', 'l', [ruleOf('q', { configDelegate: 'a', conditionIds: ['low'] }), empty]);
    assert.equal(count(low, layer), 0);
    const otherSalt = bucket('other', 'lt', 500, { additionalValues: { salt: 't' } });
    const otherUnit = bucket('other', 'lt', 500, { idType: 'companyID' });
    for (const other of [otherSalt, otherUnit])
      assert.equal(count(low, other, layerOf(['a', 'low'], ['b', 'other'])), 0);
    assert.equal(count(low, bucket('other', 'lt', 500), layerOf(['a', 'low'], ['b', 'other'])), 1);
  });

  it('overlap by buckets alone, whatever else a rule asks', () => {
    const adult = conditionOf('adult', { type: 'user_field', field: 'age', operator: 'gte', targetValueJson: '600' });
    const [problem] = overlaps([], [...conditions, adult, layerOf(['a', 'low', 'adult'], ['b', 'adult', 'to 600'])]);
    assert.match(problem?.message ?? '', /both given 500 buckets from 0 to 499 of 1000;/);
  });

  it('give nothing by rules without an experiment, without buckets, or with a target that is none', () => {
    const pro = conditionOf('pro', { type: 'user_field', field: 'plan', operator: 'any', targetValueJson: '["pro"]' });
    assert.equal(count(low, pro, layerOf(['a', 'low'], ['b', 'pro'])), 0);
    assert.equal(count(low, layerOf(['a', 'low'], ['', 'low'])), 0);
    for (const part of [{ targetValueJson: 'nonsense' }, { targetValueJson: undefined }, { operator: 'eq' }]) {
      assert.equal(count(low, bucket('odd', 'lt', 500, part), layerOf(['a', 'low'], ['b', 'odd'])), 0);
    }
  });
});

describe('a layer with thousands of overlaps', () => {
  const many = Array.from({ length: 10_000 }, (_, at): Slice => [`e${at}`, 'low']);

  it('is told of twenty, and looked at no further', () => {
    const change = changeOf([], [low, layerOf(...many)]);
    let looks = 0;
    const layer = change.upserts[1];
    assert(layer?.body?.$case === 'layer');
    for (const rule of layer.body.value.rules) {
      const { configDelegate } = rule;
      const get = () => {
        looks += 1;
        return configDelegate;
      };
      Object.defineProperty(rule, 'configDelegate', { get });
    }
    assert.equal(findOverlaps(change).length, 20);
    assert.equal(looks, 21);
  });

  it('is told of what is new beside more that is old', () => {
    const old = many.slice(0, 200);
    const found = overlaps([...conditions, layerOf(...old)], [layerOf(...old, ['fresh', 'low'])]);
    assert.equal(found.length, 21);
    assert.deepEqual(
      found.filter(({ isOld }) => !isOld).map(({ message }) => message.split(' are ')[0]),
      ['fresh and e0'],
    );
  });
});

describe('overlaps that a change leaves', () => {
  const clashing = layerOf(['a', 'low'], ['b', 'from 400', 'to 600']);

  it('are old when the layer had them, and new for another pair', () => {
    const held = [...conditions, clashing];
    const written = layerOf(['a', 'low'], ['b', 'from 400', 'to 600'], ['c', 'high']);
    assert.deepEqual(
      overlaps(held, [written]).map(({ message, isOld }) => [message.split(' are ')[0], isOld]),
      [
        ['b and a', true],
        ['c and b', false],
      ],
    );
  });

  it('are seen when only a condition moves', () => {
    const held = [low, high, layerOf(['a', 'low'], ['b', 'high'])];
    const found = overlaps(held, [bucket('high', 'gte', 450)]);
    assert.deepEqual(
      found.map(({ key, isOld }) => [key, isOld]),
      [['layer/l', false]],
    );
  });

  it('are not looked for in a layer that was not touched', () => {
    assert.deepEqual(overlaps([...conditions, clashing], [bucket('unused', 'lt', 1)]), []);
  });
});
