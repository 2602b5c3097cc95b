import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseJson } from './json-text.js';

describe('parseJson', () => {
  it('answers for any text, and agrees with JSON.parse where both accept', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json({ maxDepth: 4 })), (text) => {
        const parsed = parseJson(text);
        if ('value' in parsed) assert.deepEqual(parsed.value, JSON.parse(text));
        else assert.notEqual(parsed.problem, '');
      }),
    );
  });

  it('looks for what PostgreSQL refuses at every level', () => {
    for (const text of ['"\\u0000"', '[["\\ud800"]]', '{"a":{"\\udc00":1}}', '[1,[1e999]]']) {
      assert('problem' in parseJson(text), text);
    }
  });

  it('takes pairs of surrogates', () => assert.deepEqual(parseJson('"\\ud83d\\ude00"'), { value: '😀' }));
});
