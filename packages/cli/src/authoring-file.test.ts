import assert from 'node:assert/strict';
import { AuthoringError } from '@sluice/codec';
import { readProjects, splitDocuments } from './authoring-file.js';

describe('documents of a file', () => {
  const cases: [string, string, string[]][] = [
    ['one', 'a: 1\n', ['a: 1\n']],
    ['one behind a mark and a comment', '# yes\n---\na: 1', ['\n---\na: 1']],
    ['two, each at its line', 'a: 1\n---\nb: 2\n', ['a: 1\n', '\n---\nb: 2\n']],
    ['two with CRLF', 'a: 1\r\n---\r\nb: 2', ['a: 1\r\n', '\n---\r\nb: 2']],
    ['two, one on the line of its mark', 'a: 1\n--- {b: 2}\n', ['a: 1\n', '\n--- {b: 2}\n']],
    [
      'two with nothing around them',
      '---\n---\na: 1\n---\n # no\n\n---\nb: 2\n---',
      ['\n---\na: 1\n', '\n\n\n\n\n\n---\nb: 2\n'],
    ],
    ['one with dashes that are no mark', 'a: |\n  ---\nb: ---x\n----: 1\n', ['a: |\n  ---\nb: ---x\n----: 1\n']],
    ['one before an empty one', 'a: 1\n---\n...\n', ['a: 1\n']],
    ['none', '# only\n---\n', []],
  ];
  for (const [what, text, expected] of cases) {
    it(`are ${what}`, () => assert.deepEqual(splitDocuments(text), expected));
  }
});

describe('projects of a file', () => {
  const names = (text: string, isPart = false) =>
    readProjects(text, { isPart }).map(({ project, entities }) => [
      project,
      entities.filter(({ body }) => body?.$case !== 'condition').map(({ name }) => name),
    ]);

  it('hold the documents of each as one whole', () => {
    const text = `
project: shop
gates: {beta: {rules: [{name: staff, when: [{segment: staff}]}]}}
---
project: blog
gates: {beta: {}}
---
project: shop
segments: {staff: {when: [{field: plan, is: staff}]}}
gates: {alpha: {rules: [{name: staff, when: [{segment: staff}]}]}}
`;
    assert.deepEqual(names(text), [
      ['shop', ['segment:staff', 'beta', 'alpha']],
      ['blog', ['beta']],
    ]);
    const [shop] = readProjects(text);
    const conditions = (shop?.entities ?? []).filter(({ body }) => body?.$case === 'condition').map(({ name }) => name);
    assert.deepEqual(conditions, [...new Set(conditions)]);
  });

  it('may mention what is elsewhere when the file is a part', () => {
    const text = 'project: shop\ngates: {g: {rules: [{name: r, when: [{segment: staff}]}]}}';
    assert.deepEqual(names(text, true), [['shop', ['g']]]);
    assert.deepEqual(names(`${text}\n---\nproject: shop\ngates: {h: {}}`, true), [['shop', ['g', 'h']]]);
    assert.throws(() => names(text), /there is no segment "staff"/);
  });

  const gate = 'project: shop\ngates: {g: {}}\n';
  const refused: [string, string, string][] = [
    [
      'a bad value, by its line in the file',
      `${gate}---\nproject: shop\ngates:\n  h: {rules: [{name: r, percentage: 101}]}\n`,
      'gates.h.rules[0].percentage: must be between 0 and 100, got 101 (line 6)',
    ],
    ['a name that stands twice', `${gate}---\n${gate}`, 'gates.g: is in documents 1 and 2 of the file; keep one'],
    [
      'what nothing answers to',
      `${gate}---\nproject: shop\ngates: {h: {rules: [{name: r, when: [{segment: staff}]}]}}`,
      'gates.h.rules[0].when[0].segment: there is no segment "staff" in this document',
    ],
    ['a document without a project', `${gate}---\ngates: {h: {}}\n`, 'project: is missing; it must be text (line 4)'],
    ['too many', gate + '---\na: 1\n'.repeat(100), 'the file has 101 documents; at most 100 are allowed: split it'],
  ];
  for (const [what, text, expected] of refused) {
    it(`refuse ${what}`, () => {
      assert.throws(
        () => readProjects(text),
        (error: unknown) => error instanceof AuthoringError && error.message === expected,
        expected,
      );
    });
  }
});
