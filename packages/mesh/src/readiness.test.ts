import assert from 'node:assert/strict';
import { HealthState } from './health-service.js';
import { silentLogger } from './logger.js';
import { type IsReady, Readiness } from './readiness.js';

/** The goal: who can't do its job says so this quickly, in milliseconds. */
const goalMs = 2_000;

describe('readiness', () => {
  let health: HealthState;
  let readiness: Readiness;
  let isReady: IsReady;
  let asked: number;

  beforeEach(async () => {
    asked = 0;
    isReady = () => true;
    health = new HealthState([]);
    const ask = () => {
      asked++;
      return isReady();
    };
    readiness = new Readiness(health, { isReady: ask, logger: silentLogger });
    await readiness.start();
    assert.equal(health.isServing, true);
  });

  afterEach(() => readiness.stop());

  /** Resolves once health says so. @returns how long it took, in milliseconds. */
  async function becomes(isServing: boolean): Promise<number> {
    const sinceMs = performance.now();
    while (health.isServing !== isServing) {
      assert(performance.now() - sinceMs < 2 * goalMs, 'health stays as it was');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return performance.now() - sinceMs;
  }

  it('is gone in time when the question hangs, is not asked anew meanwhile, and comes back with the answer', async () => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const before = asked;
    isReady = () => promise;
    assert((await becomes(false)) <= goalMs);
    assert.equal(asked, before + 1);
    isReady = () => true;
    resolve(true);
    await becomes(true);
  });

  it('is gone when the question fails, at once or later', async () => {
    isReady = () => {
      throw new Error('at once');
    };
    await becomes(false);
    isReady = () => true;
    await becomes(true);
    isReady = () => Promise.reject(new Error('later'));
    await becomes(false);
  });

  it('says nothing any more once it was stopped', async () => {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    isReady = () => promise;
    const look = readiness.start();
    readiness.stop();
    resolve(false);
    await look;
    assert.equal(health.isServing, true);
  });
});
