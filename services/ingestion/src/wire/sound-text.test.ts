import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isPlainObject, isTraceparent, isUuid } from './sound-text.js';

type Check = (bytes: Uint8Array, from: number, to: number) => boolean;
/** Of a text in the middle of others. */
const holds = (check: Check, text: string): boolean => {
  const bytes = Buffer.from(`"${text}"`);
  return check(bytes, 1, bytes.length - 1);
};

describe('texts that are sound beyond doubt', () => {
  it('are UUIDs in lower case', () => {
    const id = '019a9f3e-8a6e-7c3b-9d53-1f2e3a4b5c6d';
    assert.equal(holds(isUuid, id), true);
    const others = [
      id.slice(1),
      `${id}0`,
      id.toUpperCase(),
      id.replace('-', '0'),
      id.replace('f', '-'),
      id.replace('9', 'g'),
    ];
    for (const other of [...others, '', '00000000-0000-0000-0000-000000000000'])
      assert.equal(holds(isUuid, other), false);
  });

  it('are traceparents', () => {
    const trace = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
    assert.equal(holds(isTraceparent, trace), true);
    for (const other of ['', trace.slice(1), trace.toUpperCase(), `${trace}-00`]) {
      assert.equal(holds(isTraceparent, other), false);
    }
  });

  for (const text of [
    '{}',
    '{"a":1}',
    '{"plan":"pro","page":7,"paid":true,"left":false,"who":null}',
    '{"a":-1.25,"b":0,"c":0.1,"d":123456789012345}',
    '{"a":""}',
    '{"with space":"and: {[,]}"}',
  ]) {
    it(`are objects such as ${text}`, () => assert.equal(holds(isPlainObject, text), true));
  }

  for (const text of [
    '',
    '{',
    '}',
    '[]',
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    '{"a":1 }',
    '{"a":1}}',
    '{"a":"b}',
    '{"a":"\\n"}',
    '{"a":01}',
    '{"a":-0}',
    '{"a":1.0}',
    '{"a":1.}',
    '{"a":.5}',
    '{"a":-}',
    '{"a":1e3}',
    '{"a":0.0000001}',
    '{"a":1234567890123456}',
    '{"a":tru}',
    '{"a":{}}',
    '{"1":1,"a":2}',
    '{"a":1,"b":2,"a":3}',
  ]) {
    it(`are not ${text || 'nothing'}`, () => assert.equal(holds(isPlainObject, text), false));
  }

  it('are objects that come out of JSON as they went in', () => {
    const part = fc.constantFrom(
      '"a":',
      '"b":',
      '1',
      '0',
      '.',
      '-',
      '"x"',
      'true',
      'null',
      ',',
      '{',
      '}',
      '"',
      'e5',
      ' ',
    );
    let sound = 0;
    const check = (text: string): void => {
      if (!holds(isPlainObject, text)) return;
      sound++;
      assert.equal(JSON.stringify(JSON.parse(text)), text);
    };
    fc.assert(
      fc.property(fc.array(part, { maxLength: 9 }), (parts) => check(`{${parts.join('')}}`)),
      { numRuns: 20_000 },
    );
    const plain = fc.oneof(fc.integer(), fc.double(), fc.boolean(), fc.constant(null), fc.stringMatching(/^[ -~]*$/));
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[ -~]*$/), plain), (value) => check(JSON.stringify(value))),
    );
    assert.ok(sound > 50, `${sound} sound ones`);
  });
});
