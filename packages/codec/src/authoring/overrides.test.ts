import assert from 'node:assert/strict';
import { AuthoringError, readAuthoring } from './index.js';

const document = (overrides: string): string => `
project: shop
gates:
  silent: {}
  checkout: { id_type: companyID, overrides: ${overrides} }
configs:
  texts: { default: {}, overrides: [{ value: { a: 1 }, ids: [ada] }] }
experiments:
  button: { parameters: {}, groups: [{ name: big, weight: 100 }], overrides: [{ group: big, ids: [ada, bob] }] }
layers:
  page:
    parameters: {}
    overrides: []
    experiments:
      hero: { groups: [{ name: big, weight: 100 }], overrides: [{ group: GROUP, ids: [ada] }] }
`;

const read = (overrides: string, group = 'big') => readAuthoring(document(overrides).replace('GROUP', group)).overrides;

function problemOf(overrides: string, group?: string): string {
  try {
    read(overrides, group);
  } catch (error) {
    if (error instanceof AuthoringError) return error.message;
    throw error;
  }
  return assert.fail('the document was accepted');
}

describe('overrides of the friendly form', () => {
  it('are of those that say them, by whatever they answer', () => {
    const spelled = read('[{value: true, ids: [acme]}, {value: false, ids: [ada], id_type: userID}]').map(
      ({ ref, groups }) => [
        `${ref?.section}/${ref?.name}`,
        ...groups.map(({ idType, unitIds, value }) => `${idType} ${unitIds} ${value?.kind?.value}`),
      ],
    );
    assert.deepEqual(spelled, [
      ['1/checkout', 'companyID acme true', 'userID ada false'],
      ['2/texts', 'userID ada {"a":1}'],
      ['2/button', 'userID ada,bob big'],
      ['2/hero', 'userID ada big'],
      ['3/page'],
    ]);
  });

  const bad: [string, string, RegExp][] = [
    ['a unit twice', '[{value: true, ids: [a]}, {value: false, ids: [a]}]', /overrides\[1\]\.ids\[0\]: is there twice/],
    ['no unit', '[{value: true, ids: []}]', /overrides\[0\]\.ids: must have at least 1 entries, got 0/],
    ['an answer of another kind', '[{value: 5, ids: [a]}]', /overrides\[0\]\.value: must be true or false, got 5/],
    ['a group', '[{group: big, ids: [a]}]', /overrides\[0\]\.group: unknown field/],
  ];
  for (const [what, overrides, message] of bad) {
    it(`are refused for ${what}`, () => assert.match(problemOf(overrides), message));
  }

  it('are refused for a group that the experiment has not', () => {
    assert.match(problemOf('[]', 'bog'), /hero\.overrides\[0\]\.group: is none of the groups; did you mean "big"\?/);
  });
});
