import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Rate, Rates } from './rate.js';

describe('a rate', () => {
  it('lets a burst through, then so many per second, and says how long to wait', () => {
    const rate = new Rate(10, 3, 1_000);
    assert.deepEqual(
      [1, 2, 3].map(() => rate.take(1_000)),
      [0, 0, 0],
    );
    assert.equal(Math.round(rate.take(1_000)), 100);
    assert.equal(Math.round(rate.take(1_060)), 40);
    assert.equal(rate.take(1_100), 0);
    assert(rate.take(1_100) > 0);
  });

  it('saves up no more than the burst', () => {
    const rate = new Rate(10, 3, 0);
    const taken = Array.from({ length: 10 }, () => rate.take(1_000_000)).filter((waitMs) => waitMs === 0);
    assert.equal(taken.length, 3);
  });

  it('never lets more through than its burst and its rate allow, however it is asked', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(50), { maxLength: 200 }), fc.integer({ min: 1, max: 1_000 }), (steps, perSecond) => {
        const rate = new Rate(perSecond, 5, 0);
        let nowMs = 0;
        let taken = 0;
        for (const step of steps) {
          nowMs += step;
          if (rate.take(nowMs) === 0) taken++;
          assert(taken <= 5 + (nowMs * perSecond) / 1_000 + 1e-6);
        }
      }),
    );
  });
});

describe('rates by key', () => {
  it('hold each key to its own', () => {
    const rates = new Rates(10, 1, 100);
    assert.equal(rates.take('a', 0), 0);
    assert(rates.take('a', 0) > 0);
    assert.equal(rates.take('b', 0), 0);
  });

  it('remember no more keys than they may', () => {
    const rates = new Rates(10, 1, 100);
    for (let key = 0; key < 10_000; key++) rates.take(`key-${key}`, 0);
    assert.equal(rates.size, 100);
    assert(rates.has('key-9999') && !rates.has('key-0'));
  });
});
