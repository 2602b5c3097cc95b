import assert from 'node:assert/strict';
import { coalesce } from './coalesce.js';

describe('coalesced work', () => {
  /** Runs that end when they are told to. */
  function slow() {
    const runs: PromiseWithResolvers<void>[] = [];
    const run = coalesce(() => {
      const one = Promise.withResolvers<void>();
      runs.push(one);
      return one.promise;
    });
    return { run, runs };
  }

  it('runs once more for all who ask during a run, after that run', async () => {
    const { run, runs } = slow();
    const first = run();
    const others = [run(), run(), run()];
    assert.equal(runs.length, 1);
    runs[0]?.resolve();
    await first;
    await new Promise(setImmediate);
    assert.equal(runs.length, 2);
    runs[1]?.resolve();
    await Promise.all(others);
    assert.equal(runs.length, 2);
    void run();
    assert.equal(runs.length, 3);
  });

  it('goes on after a run that failed, which only those who asked for it hear of', async () => {
    const { run, runs } = slow();
    const first = run();
    const second = run();
    runs[0]?.reject(new Error('away'));
    await assert.rejects(first, /away/);
    await new Promise(setImmediate);
    runs[1]?.resolve();
    await second;
  });
});
