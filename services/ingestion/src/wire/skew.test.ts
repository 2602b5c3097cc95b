import assert from 'node:assert/strict';
import { createSkews } from './skew.js';

const now = Date.UTC(2026, 10, 22);
const hourMs = 3_600_000;

describe('the skew of a request', () => {
  const skewOf = (sentAtMs: number): number => createSkews().of('', sentAtMs, now);

  it('leaves times alone when the sender did not say when it sent', () => assert.equal(skewOf(0), 0));

  it('takes a journey for a journey', () => {
    assert.equal(skewOf(now - 1_500), 0);
    assert.equal(skewOf(now + 1_500), 0);
  });

  it('adds what a slow clock lacks and takes off what a fast one has too much', () => {
    assert.equal(skewOf(now - 60_000), 60_000);
    assert.equal(skewOf(now + 86_400_000), -86_400_000);
  });

  it('corrects a clock that was never set', () => assert.equal(1_000 + skewOf(5_000), now - 4_000));
});

describe('the skew of a source', () => {
  /** What each request of one source is corrected by: when it was sent and when it came, after `now`. */
  const skewsOf = (...requests: [sentMs: number, receivedMs: number][]): number[] => {
    const skews = createSkews();
    return requests.map(([sentMs, receivedMs]) => skews.of('a', now + sentMs, now + receivedMs));
  };

  it('does not change with a long journey, such as into a process that stood still', () => {
    assert.deepEqual(skewsOf([0, 30], [1_000, 21_000], [22_000, 22_020]), [0, 0, 0]);
    assert.deepEqual(skewsOf([-hourMs, 50], [-hourMs + 1_000, 9_000]), [hourMs + 50, hourMs + 50]);
  });

  it('becomes closer with a shorter journey', () => {
    assert.deepEqual(skewsOf([0, 9_000], [10_000, 10_100], [20_000, 26_000]), [9_000, 0, 0]);
  });

  it('follows a clock that is set anew, either way, and one that drifts', () => {
    assert.deepEqual(skewsOf([0, 0], [-hourMs, 1_000], [-hourMs, 2_000]), [0, hourMs + 1_000, hourMs + 1_000]);
    assert.deepEqual(skewsOf([0, 0], [hourMs, 1_000]), [0, 1_000 - hourMs]);
    assert.deepEqual(skewsOf([0, 0], [hourMs - 5_000, hourMs + 1]), [0, 5_001]);
  });

  it('is its own, and forgotten when there are too many others', () => {
    const skews = createSkews();
    skews.of('a', now, now);
    assert.equal(skews.of('b', now, now + 9_000), 9_000);
    assert.equal(skews.of('a', now, now + 9_000), 0);
    for (let other = 0; other < 10_000; other++) skews.of(`other-${other}`, now, now);
    assert.equal(skews.of('a', now, now + 9_000), 9_000);
  });
});
