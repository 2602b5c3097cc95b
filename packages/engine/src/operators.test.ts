import assert from 'node:assert/strict';
import { compileOperator } from './operators.js';
import { readTarget } from './target.js';
import { readVectors } from './test/read-vectors.js';

/** Whether a user's value satisfies an operator and target text. */
function holds(operator: string, target: string, value: unknown): boolean | undefined {
  return compileOperator(operator, readTarget(target), () => {})?.(value);
}

/** Operator, target text, values that satisfy it, values that do not. */
const table: [operator: string, target: string, yes: unknown[], no: unknown[]][] = [
  ['gt', '5', [6, '6', 'inf', ' '.length + 5], [5, '5', ' 6', true, null, 'nan', Number.POSITIVE_INFINITY]],
  ['lte', '"5"', [5, -1, '5.'], [6, '', [], 'x']],
  ['any', '["A","b",1,true,null]', ['a', 'B', 1, '1', true, 'null'], ['c', 2, {}, undefined]],
  ['any', '["","x"]', [undefined, null, {}, ''], ['y']],
  ['any', '{"17":true,"Up":true}', [17, '17'], ['up', 'Up', 18]],
  ['any', '"a"', [], ['a', undefined]],
  ['none', '"a"', ['a', undefined], []],
  ['any_case_sensitive', '["A","a"]', ['a'], ['A']],
  ['none_case_sensitive', '["A"]', ['a', undefined], ['A']],
  ['str_starts_with_any', '["Ab"]', ['ABc'], ['cab', undefined]],
  ['str_ends_with_any', '["Ab"]', ['cAB'], ['abc']],
  ['str_contains_any', '["b",""]', ['x', undefined], []],
  ['str_contains_none', '["b"]', ['x', undefined], ['aBc']],
  ['str_contains_none', '"b"', ['b'], []],
  ['version_gte', '"1.2"', ['1.2', '1.10', '2'], ['1.1', 'x', undefined, 1]],
  ['version_gte', '1', [], ['1', 2]],
  ['version_neq', '"1"', ['2'], ['1', 'x', undefined]],
  ['eq', 'null', [null, undefined, Number.NaN], ['', 0]],
  ['eq', 'true', [true], ['true', 1]],
  ['eq', '1', [1, '1', '1.0'], [true, '']],
  ['eq', '"1"', [1, '1'], ['1.0', true]],
  [
    'eq',
    '["a",1]',
    [
      ['a', 1],
      ['a', '1'],
    ],
    [['a'], [1, 'a'], 'a'],
  ],
  ['eq', '["A","a"]', [], [['a'], ['A', 'a'], ['a', 'a']]],
  [
    'eq',
    '{"a":1,"b":"x"}',
    [
      { a: 1, b: 'x' },
      { b: 'x', a: '1' },
    ],
    [{ a: 1 }, { a: 1, b: 'y' }, null],
  ],
  ['neq', 'null', ['', 0], [null, undefined]],
  ['before', '1700000000000', [1, 1699999999, '2023-01-01T00:00:00Z'], [1700000000, 1.5, undefined, 'x']],
  ['after', '"2023-01-01T00:00:00Z"', [1700000000, '1700000000000'], ['2022-01-01 00:00:00']],
  ['on', '1700000000000', [1700000000, '2023-11-14 00:00:00'], ['2023-11-15 00:00:00']],
  ['on', '-1', [1, -1], [86400]],
  ['array_contains_any', '["a",1]', [['a'], [1, 2], ['1']], [['A'], 'a', undefined, []]],
  ['array_contains_all', '["a","b"]', [['b', 'a', 'c']], [['a'], 'ab']],
  ['array_contains_all', '[]', [[], ['x']], ['x']],
  ['array_contains_none', '["a"]', [[], ['b', null, {}]], [['a'], undefined, 'b']],
  ['not_array_contains_all', '["a","b"]', [['a']], [['a', 'b'], undefined, 'a']],
  ['str_matches', '"^a+$"', ['a', 'aaa'], ['b', undefined]],
  ['str_matches', '"["', [], ['[']],
];

describe('operators', () => {
  for (const [operator, target, yes, no] of table) {
    it(`${operator} ${target}`, () => {
      for (const value of yes) assert.equal(holds(operator, target, value), true, `holds for ${JSON.stringify(value)}`);
      for (const value of no) assert.equal(holds(operator, target, value), false, `fails for ${JSON.stringify(value)}`);
    });
  }

  it('does not know other names, in whatever case', () => {
    for (const operator of ['ANY', 'encoded_any', '', 'str_', 'version_', 'toString', 'version_constructor']) {
      assert.equal(holds(operator, '["a"]', 'a'), undefined, operator);
    }
  });
});

interface Vectors {
  readonly values: readonly unknown[];
  readonly cases: readonly (readonly [operator: string, target: string, outcomes: string])[];
}

describe('operators by the golden vectors', () => {
  const { values, cases }: Vectors = readVectors('operators.json');
  for (const operator of new Set(cases.map(([name]) => name))) {
    it(operator, () => {
      for (const [, target, expected] of cases.filter(([name]) => name === operator)) {
        const outcomes = values.map((value) => (holds(operator, target, value) ? '1' : '0')).join('');
        const differing = values.filter((_, at) => outcomes[at] !== expected[at]);
        assert.deepEqual(differing, [], `target ${target}`);
      }
    });
  }
});
