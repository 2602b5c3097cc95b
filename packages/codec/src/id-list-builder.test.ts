import assert from 'node:assert/strict';
import { idListKey } from '@sluice/engine';
import fc from 'fast-check';
import { PackedIdList } from './id-list.js';
import {
  IdListBuilder,
  type IdListChange,
  IdListFullError,
  IdListKeysError,
  idListKeysProblem,
  idListMax,
  mergeIds,
  packKeys,
  unpackKeys,
} from './id-list-builder.js';

function keysOf(ids: Iterable<string>): Float64Array {
  const builder = new IdListBuilder();
  for (const id of ids) builder.add(id);
  return builder.finish();
}

const numbered = (length: number, from = 0): Float64Array => Float64Array.from({ length }, (_, at) => from + at);
const sortedKeys = (ids: Iterable<string>): string =>
  [...new Set(ids)]
    .map((id) => Buffer.from(idListKey(id), 'base64'))
    .sort(Buffer.compare)
    .map((key) => key.toString('base64'))
    .join('');

describe('an id list that is built', () => {
  it('holds each id once, in one order, by the key that engines look for', () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 3 })), (ids) => {
        assert.equal(packKeys(keysOf(ids)), sortedKeys(ids));
      }),
    );
  });

  it('drops doubles also when there are many more ids than room', () => {
    const ids = Array.from({ length: 50_000 }, (_, at) => `user-${at % 3_000}`);
    const packed = packKeys(keysOf(ids));
    assert.equal(packed, sortedKeys(ids));
    const list = new PackedIdList(packed, 'userID');
    for (const id of ids.slice(0, 3_000)) assert(list.has(idListKey(id)), id);
    assert(!list.has(idListKey('user-3000')));
  });

  it('takes a million ids, however often they come, and not one more', function () {
    this.timeout(120_000);
    const builder = new IdListBuilder();
    for (let at = 0; at < idListMax; at++) builder.add(`user-${at}`);
    for (let at = 0; at < 100_000; at++) builder.add(`user-${at}`);
    // Two ids of a million may share 48 bits, but not these.
    assert.equal(builder.finish().length, idListMax);
    builder.add('one more');
    assert.throws(() => builder.finish(), IdListFullError);
  });

  it('refuses as soon as it is certain, not at the end', function () {
    this.timeout(120_000);
    const builder = new IdListBuilder();
    assert.throws(() => {
      for (let at = 0; at < 3 * idListMax; at++) builder.add(`user-${at}`);
    }, /an id list holds at most 1,000,000 ids; split it, or use a rule instead/);
  });
});

describe('the keys of an id list', () => {
  const key = fc.integer({ min: 0, max: 2 ** 48 - 1 });
  const keys = fc.uniqueArray(key).map((list) => Float64Array.from(list).sort());

  it('are read back as they were written', () => {
    fc.assert(fc.property(keys, (list) => assert.deepEqual(unpackKeys(packKeys(list)), list)));
    assert.equal(packKeys(Float64Array.of(0, 2 ** 48 - 1)), 'AAAAAAAA////////');
  });

  it('are put in order, each once, when somebody else wrote them', () => {
    assert.deepEqual(unpackKeys('////////AAAAAAAA////////'), Float64Array.of(0, 2 ** 48 - 1));
  });

  it('are refused when they are not whole, not Base64 or too many', () => {
    assert.equal(idListKeysProblem(''), undefined);
    assert.equal(idListKeysProblem('AAAA+/z9'), undefined);
    assert.match(idListKeysProblem('AAAAAAAAA') ?? '', /^has 9 characters; each key is 8 of them$/);
    for (const wrong of ['AAAAAAA=', 'AAAA-_AA', 'AAAA AAA', 'AAAAAAA\n']) {
      assert.equal(idListKeysProblem(wrong), 'has characters that are not Base64');
      assert.throws(() => unpackKeys(wrong), IdListKeysError);
    }
    assert.equal(idListKeysProblem('A'.repeat(8 * idListMax)), undefined);
    assert.match(idListKeysProblem('A'.repeat(8 * idListMax + 8)) ?? '', /at most 1,000,000 ids/);
  });
});

describe('a change of an id list', () => {
  const few = fc.uniqueArray(fc.nat(20)).map((list) => Float64Array.from(list).sort());
  const less = (from: readonly number[], gone: readonly number[]): number[] =>
    from.filter((key) => !gone.includes(key));
  const plain: Readonly<Record<IdListChange, (held: number[], given: number[]) => number[]>> = {
    replace: (_held, given) => given,
    add: (held, given) => [...held, ...less(given, held)],
    remove: less,
  };

  for (const change of ['replace', 'add', 'remove'] as const) {
    it(`does what sets do: ${change}`, () => {
      fc.assert(
        fc.property(few, few, (held, given) => {
          const { keys, added, removed } = mergeIds(held, given, change);
          const expected = plain[change]([...held], [...given]).sort((left, right) => left - right);
          assert.deepEqual([...keys], expected);
          assert.equal(added, less(expected, [...held]).length);
          assert.equal(removed, less([...held], expected).length);
        }),
      );
    });
  }

  it('may fill a list, and not overfill it', () => {
    const held = numbered(idListMax - 1);
    assert.equal(mergeIds(held, numbered(2, idListMax - 2), 'add').keys.length, idListMax);
    assert.throws(() => mergeIds(held, numbered(2, idListMax - 1), 'add'), IdListFullError);
    assert.equal(mergeIds(held, numbered(2, idListMax - 1), 'replace').keys.length, 2);
  });
});
