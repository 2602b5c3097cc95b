import assert from 'node:assert/strict';
import { SluiceError } from '@sluice/mesh';
import { parseCountInput, parseJsonInput, parseNumberInput, parseObjectInput } from './json-input.js';
import { findJsonFault } from './json-scan.js';

const example = '{"userID":"a-user"}';

function messageOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof SluiceError && error.kind === 'invalid');
    return error.message;
  }
  return assert.fail('nothing was refused');
}

describe('JSON that a user typed', () => {
  const faults: [string, number, RegExp][] = [
    ['', 0, /a JSON value/],
    ['{userID:"a"}', 1, /a field name in double quotes/],
    ["{'userID':'a'}", 1, /a field name in double quotes/],
    ['{"userID" "a"}', 10, /":"/],
    ['{"userID":a}', 10, /a JSON value/],
    ['{"userID":\'a\'}', 10, /double quotes/],
    ['{"userID":"a"', 13, /"," or "}"/],
    ['{"userID":"a",}', 14, /a field name/],
    ['[1 2]', 3, /"," or "]"/],
    ['[1,]', 3, /a JSON value/],
    ['{"a":"b', 7, /a closing double quote/],
    ['"a\\x"', 2, /a valid escape/],
    ['"a\nb"', 2, /a closing double quote/],
    ['{"a":1} x', 8, /the end of the text/],
    ['01', 1, /the end of the text/],
    ['nul', 0, /a JSON value/],
    [`${'['.repeat(100_000)}`, 501, /at most 500 levels/],
  ];
  for (const [text, position, expected] of faults) {
    it(`names the place in ${JSON.stringify(text.slice(0, 20))}`, () => {
      const fault = findJsonFault(text);
      assert.equal(fault.position, position);
      assert.match(fault.expected, expected);
    });
  }

  it('is refused with the field, the place, what was expected and what to write', () => {
    assert.equal(
      messageOf(() => parseJsonInput('--user', '{"userID":x}', example)),
      '--user: is not JSON at position 10: expected a JSON value, found "x}"; write it like {"userID":"a-user"}',
    );
  });

  it('must be an object where one is needed', () => {
    assert.match(
      messageOf(() => parseObjectInput('--user', '["a"]', example)),
      /^--user: must be a JSON object, .* got \["a"\]$/,
    );
    assert.deepEqual(parseObjectInput('--user', example, example), { userID: 'a-user' });
  });

  it('numbers stay in bounds', () => {
    assert.equal(parseNumberInput('--rollout', '12.5', 0, 100), 12.5);
    for (const text of ['101', '-1', 'many', '', 'NaN', 'Infinity']) {
      assert.match(
        messageOf(() => parseNumberInput('--rollout', text, 0, 100)),
        /^--rollout: must be a number between 0 and 100, got /,
      );
    }
    assert.match(
      messageOf(() => parseCountInput('--n', '1.5', 0, 9)),
      /must be a whole number/,
    );
  });
});
