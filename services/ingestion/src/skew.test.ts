import assert from 'node:assert/strict';
import { skewOf } from './skew.js';

describe('skewOf', () => {
  const now = Date.UTC(2026, 10, 22);

  it('leaves times alone when the sender did not say when it sent', () => assert.equal(skewOf(0, now), 0));

  it('takes a journey for a journey', () => {
    assert.equal(skewOf(now - 1_500, now), 0);
    assert.equal(skewOf(now + 1_500, now), 0);
  });

  it('adds what a slow clock lacks and takes off what a fast one has too much', () => {
    assert.equal(skewOf(now - 60_000, now), 60_000);
    assert.equal(skewOf(now + 86_400_000, now), -86_400_000);
  });

  it('corrects a clock that was never set', () => assert.equal(1_000 + skewOf(5_000, now), now - 4_000));
});
