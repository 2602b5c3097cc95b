import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { bucketOf, djb2, idListKey, passBucketOf, sha256Base64 } from './bucket.js';
import { EncodedText, HashPrefix, hashPrefixed } from './sha256.js';

function platformHash(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

describe('hashing', () => {
  it('agrees with the check values of the rule book', () => {
    assert.equal(bucketOf('a.b.c', 10_000), 7836);
    assert.equal(bucketOf('a.b.c', 1000), 836);
    assert.equal(passBucketOf('spec-salt', 'rule-salt', 'user-0'), 9098);
  });

  it('agrees with the platform on any text, lone surrogates included', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 300 }), (text) => {
        assert.equal(sha256Base64(text), platformHash(text).toString('base64'));
        assert.equal(idListKey(text), platformHash(text).toString('base64').slice(0, 8));
      }),
    );
    assert.equal(sha256Base64('\ud800x\udc00'), platformHash('\ufffdx\ufffd').toString('base64'));
  });

  it('continues from a digested prefix at every alignment', () => {
    for (let length = 0; length < 140; length++) {
      const prefix = 'p'.repeat(length);
      const text = new EncodedText();
      text.write('é-unit-😀');
      const words = hashPrefixed(new HashPrefix(prefix), text);
      assert.equal(words[0], platformHash(`${prefix}é-unit-😀`).readInt32BE(0), `prefix of ${length}`);
    }
  });

  it('takes 64-bit residues exactly', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom(1000, 10_000), (text, modulus) => {
        const expected = platformHash(text).readBigUInt64BE(0) % BigInt(modulus);
        assert.equal(bucketOf(text, modulus), Number(expected));
      }),
    );
  });

  it('hashes names with djb2 over code points', () => {
    assert.equal(djb2(''), '0');
    assert.equal(djb2('a_gate'), String([...'a_gate'].reduce((h, c) => (h * 31 + c.charCodeAt(0)) >>> 0, 0)));
    assert.equal(djb2('😀'), String(0x1f600));
  });

  it('spreads units evenly over buckets', () => {
    const cells = 100;
    const units = 50_000;
    const counts = new Array<number>(cells).fill(0);
    for (let i = 0; i < units; i++) {
      const cell = Math.floor(passBucketOf('a salt', 'a rule', `user-${i}`) / (10_000 / cells));
      counts[cell] = (counts[cell] ?? 0) + 1;
    }
    const expected = units / cells;
    const chiSquare = counts.reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
    // 99 degrees of freedom: below 148 with probability 0.999, and not suspiciously even either.
    assert.ok(chiSquare < 148 && chiSquare > 61, `chi square ${chiSquare}`);
  });
});
