import assert from 'node:assert/strict';
import fc from 'fast-check';
import { didYouMean, nearest } from './suggest.js';

/** What the distance is by definition; slow, so only for short words. */
function plainDistance(left: string, right: string): number {
  if (left === '' || right === '') return left.length + right.length;
  const substitution = plainDistance(left.slice(1), right.slice(1)) + (left[0] === right[0] ? 0 : 1);
  if (left[0] === right[0]) return substitution;
  return Math.min(substitution, 1 + plainDistance(left.slice(1), right), 1 + plainDistance(left, right.slice(1)));
}

const word = fc.string({ unit: fc.constantFrom('a', 'b', 'c'), maxLength: 6 });

describe('the nearest word', () => {
  it('is the first of those with the smallest distance, when that is small for the length', () => {
    fc.assert(
      fc.property(word, fc.array(word, { maxLength: 6 }), (wrong, candidates) => {
        const limit = Math.min(3, Math.floor(wrong.length / 2));
        const distances = candidates.map((candidate) => plainDistance(wrong, candidate));
        const best = Math.min(...distances);
        const expected = best <= limit ? candidates[distances.indexOf(best)] : undefined;
        assert.equal(nearest(wrong, candidates), expected);
      }),
    );
  });

  it('ignores case', () => {
    assert.equal(nearest('CHECKOUT', ['billing', 'checkout']), 'checkout');
  });

  it('is none for what is too far away', () => {
    assert.equal(nearest('checkout', ['checkpoint-two', 'chess', 'x']), undefined);
    assert.equal(nearest('a', ['b']), undefined);
    assert.equal(nearest('checkout', []), undefined);
  });
});

describe('a hint', () => {
  it('quotes the word that was meant, or is empty', () => {
    assert.equal(didYouMean('chekout', ['checkout']), '; did you mean "checkout"?');
    assert.equal(didYouMean('chekout', ['say "checkout"']), '');
  });
});
