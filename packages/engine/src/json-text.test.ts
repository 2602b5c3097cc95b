import assert from 'node:assert/strict';
import fc from 'fast-check';
import { JsonSyntaxError, nestingMax, readAnyJson, readFirstJson, readJson, writeJson } from './json-text.js';
import { freezeNode, membersOf, Value, valueOfMembers } from './value.js';

describe('JSON text', () => {
  it('keeps the spelling of numbers', () => {
    const text = '{"a":1.0,"b":[1e2,123456789012345678901234567890,-0],"__proto__":{"x":null}}';
    assert.equal(writeJson(readJson(text)), text);
  });

  it('reads whatever the platform reads, and refuses the rest', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        assert.deepEqual(freezeNode(readJson(text)), JSON.parse(text));
        assert.equal(writeJson(readJson(` ${text}\n`)), writeJson(readJson(text)));
      }),
    );
    for (const text of ['', '{', '[1,]', '{"a" 1}', '01', '1.', '"\\x"', '"\n"', 'nul', '1 2', '{a:1}', "'a'", '+1']) {
      assert.throws(() => readJson(text), JsonSyntaxError, text);
    }
  });

  it('refuses deep nesting instead of overflowing the stack', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    assert.doesNotThrow(() => readJson(nested(nestingMax)));
    assert.throws(() => readJson(nested(nestingMax + 1)), JsonSyntaxError);
    assert.throws(() => readJson(nested(1_000_000)), JsonSyntaxError);
  });

  it('keeps what it refuses as values, however deep', () => {
    const deep = `{"a":[1,${'{"b":['.repeat(100_000)}"\\ud800",1e400${']}'.repeat(100_000)},{},[],{"c":null}]}`;
    assert.equal(writeJson(readAnyJson(` ${deep.replaceAll(',', ' , ')} `)), deep);
    for (const text of [deep, '1e400', '-1e400', '"\\udc00"', '{"\\ud800":1}', `[${'9'.repeat(400)}]`]) {
      assert.throws(() => readJson(text), JsonSyntaxError, text.slice(0, 20));
    }
    for (const text of ['[', '[1', '[1 2', '{"a"', '{"a":', '{"a":1,', '{1:2}']) {
      const unfinished = '['.repeat(nestingMax) + text;
      assert.throws(() => readAnyJson(unfinished), JsonSyntaxError, text);
    }
  });

  it('reads one value and leaves what comes behind it', () => {
    assert.equal(writeJson(readFirstJson(' {"a":1} and more')), '{"a":1}');
  });

  it('takes time linear in the text', () => {
    const started = performance.now();
    readJson(`[${'"some text",'.repeat(200_000)}1]`);
    assert.ok(performance.now() - started < 3000);
  });
});

describe('answer values', () => {
  it('reads what is not a bool or an object as the reference does', () => {
    assert.equal(new Value('true').bool, true);
    assert.equal(new Value('[1]').text, '{}');
    assert.equal(new Value('null').hasObject, false);
    assert.deepEqual(new Value('{broken').object, {});
    const nested = (depth: number): string => `{"a":${'['.repeat(depth)}${']'.repeat(depth)}}`;
    for (const text of ['{"a":"\\ud800"}', '{"a":1e400}', nested(nestingMax)]) assert.equal(new Value(text).text, '{}');
    const odd = [
      '{"a":"\\ud83d\\ude00"}',
      '{"a":1e300}',
      '{"a":"1e400"}',
      nested(nestingMax - 1),
      `{"a":[${'{},'.repeat(200)}1]}`,
    ];
    for (const text of odd) assert.equal(new Value(text).text, text);
  });

  it('freezes all the way down', () => {
    const { object } = new Value('{"a":[{"b":1}]}');
    assert.ok(Object.isFrozen(object) && Object.isFrozen(object.a) && Object.isFrozen((object.a as object[])[0]));
  });

  it('splits and joins members without touching their texts', () => {
    const members = membersOf(new Value('{"a":1.0,"b":{"c":[2]}}'));
    assert.deepEqual(
      [...members],
      [
        ['a', '1.0'],
        ['b', '{"c":[2]}'],
      ],
    );
    assert.equal(valueOfMembers(members).text, '{"a":1.0,"b":{"c":[2]}}');
  });
});
