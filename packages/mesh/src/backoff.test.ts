import assert from 'node:assert/strict';
import { backoff, jitter } from './backoff.js';

const many = (draw: () => number): number[] => Array.from({ length: 500 }, draw);

describe('jitter', () => {
  it('spreads a wait over half to one and a half of it', () => {
    const waits = many(() => jitter(100));
    assert(waits.every((ms) => ms >= 50 && ms < 150));
    assert(Math.max(...waits) - Math.min(...waits) > 50, 'waits hardly differ');
  });

  it('leaves no wait where there is none', () => {
    assert.equal(jitter(0), 0);
  });
});

describe('backoff', () => {
  for (const [attempt, middleMs] of [
    [0, 100],
    [1, 200],
    [4, 1_600],
  ] as const) {
    it(`waits around ${middleMs} ms before attempt ${attempt}`, () => {
      const waits = many(() => backoff(attempt, 100, 60_000));
      assert(waits.every((ms) => ms >= middleMs / 2 && ms < middleMs * 1.5));
    });
  }

  it('never waits longer than the most, however often it failed', () => {
    for (const attempt of [10, 30, 31, 1_000, 1e9]) {
      assert(many(() => backoff(attempt, 100, 2_000)).every((ms) => ms === 2_000));
    }
  });
});
