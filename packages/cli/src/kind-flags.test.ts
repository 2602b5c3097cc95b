import assert from 'node:assert/strict';
import { parseAuthoring } from '@sluice/codec';
import {
  documentOf,
  type KindFlags,
  parseAllocation,
  parseCondition,
  parseGroup,
  parseList,
  parseParameter,
} from './kind-flags.js';
import { kinds } from './kinds.js';

const green = { color: 'green' };
const red = { color: 'red' };
const everyone = { name: 'rollout', percentage: 100 };

describe('flags of a kind', () => {
  const cases: [string, KindFlags, unknown][] = [
    ['gate', {}, { rules: [] }],
    ['gate', { off: true, rollout: 0 }, { on: false, rules: [{ ...everyone, percentage: 0, when: [] }] }],
    [
      'gate',
      { description: 'd', idType: 'companyID', salt: 's', holdout: 'h', country: ['DE', 'AT'], segment: ['a', 'b'] },
      {
        ...{ description: 'd', id_type: 'companyID', salt: 's', holdout: 'h' },
        rules: [{ ...everyone, when: [{ country: ['DE', 'AT'] }, { segment: 'a' }, { segment: 'b' }] }],
      },
    ],
    ['segment', { inList: ['testers'] }, { when: [{ unit: 'userID', in_list: 'testers' }] }],
    ['segment', { when: [{ field: 'plan', is: 'pro' }] }, { when: [{ field: 'plan', is: 'pro' }] }],
    ['holdout', { percentage: 5 }, { percentage: 5, when: [] }],
    ['config', { default: green }, { default: green, rules: [] }],
    [
      'config',
      { default: green, value: red, rollout: 20 },
      { default: green, rules: [{ name: 'rollout', percentage: 20, when: [], value: red }] },
    ],
    [
      'experiment',
      { parameters: green, group: [{ name: 'all', weight: 100 }], status: 'draft', allocation: { from: 0, to: 50 } },
      {
        ...{ parameters: green, groups: [{ name: 'all', weight: 100 }], when: [] },
        ...{ status: 'draft', allocation: { from: 0, to: 50 } },
      },
    ],
    ['layer', { parameters: green }, { parameters: green }],
    ['store', { parameter: [['title', { value: 'Hi' }]] }, { parameters: { title: { value: 'Hi' } } }],
    ['store', {}, { parameters: {} }],
    ['list', { id: ['ada', 'grace'] }, { ids: ['ada', 'grace'] }],
    ['list', {}, { ids: [] }],
  ];
  for (const [word, flags, expected] of cases) {
    it(`make the document of a ${word}: ${JSON.stringify(flags)}`, () => {
      const document = documentOf(word, flags);
      assert.deepEqual(document, expected);
      const part = kinds.find((kind) => kind.word === word)?.part ?? '';
      parseAuthoring(JSON.stringify({ project: 'p', [part]: { name: document } }), { isPart: true });
    });
  }

  const missing: [string, KindFlags, RegExp][] = [
    ['holdout', {}, /^SluiceError: --percentage: is missing: .*; or give a document with -f$/],
    ['config', {}, /--default: is missing/],
    ['config', { default: green, rollout: 5 }, /--value: is missing/],
    ['config', { default: green, country: ['DE'] }, /--value: is missing/],
    ['experiment', {}, /--parameters: is missing/],
    ['experiment', { parameters: green }, /--group: is missing/],
    ['layer', {}, /--parameters: is missing/],
  ];
  for (const [word, flags, expected] of missing) {
    it(`are missing for a ${word}: ${JSON.stringify(flags)}`, () => {
      assert.throws(() => documentOf(word, flags), expected);
    });
  }
});

describe('values of flags', () => {
  const cases: [string, unknown, unknown][] = [
    ['a group', parseGroup('control:50'), [{ name: 'control', weight: 50 }]],
    [
      'a group with a value, behind another',
      parseGroup('red:33.3:{"color":"a:b"}', [{ name: 'control', weight: 66.7 }]),
      [
        { name: 'control', weight: 66.7 },
        { name: 'red', weight: 33.3, value: { color: 'a:b' } },
      ],
    ],
    ['a parameter', parseParameter('title={"value":"a=b"}'), [['title', { value: 'a=b' }]]],
    ['an allocation', parseAllocation('0-12.5'), { from: 0, to: 12.5 }],
    ['a condition', parseCondition('{"country":"DE"}', [1]), [1, { country: 'DE' }]],
    ['a list', parseList(' DE, AT ,,', ['CH']), ['CH', 'DE', 'AT']],
  ];
  for (const [what, actual, expected] of cases) it(`are read: ${what}`, () => assert.deepEqual(actual, expected));

  const refused: [string, () => unknown, RegExp][] = [
    ['a group without a weight', () => parseGroup('control'), /--group: must be name:weight .*, got control$/],
    ['a group above 100', () => parseGroup('control:101'), /--group: must be a number between 0 and 100/],
    ['a group whose value is no object', () => parseGroup('c:1:[1]'), /--group: must be a JSON object/],
    ['a parameter without a name', () => parseParameter('={}'), /--parameter: must be name=\{…\}/],
    ['a parameter that is no JSON', () => parseParameter('a=b'), /--parameter: is not JSON at position 0/],
    ['an allocation of one number', () => parseAllocation('50'), /--allocation: must be a slice in percent, .*got 50$/],
    ['an allocation above 100', () => parseAllocation('0-101'), /--allocation: must be a number between 0 and 100/],
    ['an allocation of no numbers', () => parseAllocation('1.2.3-5'), /--allocation: must be a number .*got "1.2.3"/],
    ['a condition that is no JSON', () => parseCondition('plan=pro'), /--when: is not JSON at position 0/],
  ];
  for (const [what, read, expected] of refused) it(`are refused: ${what}`, () => assert.throws(read, expected));
});
