import assert from 'node:assert/strict';
import { fineClock, sharedClock } from './clock.js';

describe('the fine clock', () => {
  let wallMs = 1_000;
  let monotonicMs = 50.25;
  const clock = fineClock(
    () => Math.floor(wallMs),
    () => monotonicMs,
  );
  const pass = (ms: number): void => {
    wallMs += ms;
    monotonicMs += ms;
  };

  it('counts fractions of milliseconds', () => {
    const before = clock.now();
    pass(0.5);
    assert.equal(clock.now() - before, 0.5);
  });

  it('is what the wall says after a suspend, which stops the monotonic clock, and after a step in either direction', () => {
    for (const stepMs of [60_000, -30_000, 5]) {
      wallMs += stepMs;
      pass(1);
      assert(Math.abs(clock.now() - wallMs) <= 2, `${clock.now()} is not ${wallMs}`);
    }
  });

  it('is never far from the wall, though both drift slowly apart', () => {
    for (let second = 0; second < 100; second++) {
      pass(1_000);
      wallMs += 0.5;
      assert(Math.abs(clock.now() - Math.floor(wallMs)) <= 2);
    }
  });

  it('is shared by all who compare times with other processes', () => {
    assert(Math.abs(sharedClock.now() - Date.now()) <= 3);
  });
});
