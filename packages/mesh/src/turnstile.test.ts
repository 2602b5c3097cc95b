import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { Turnstile } from './turnstile.js';

describe('a turnstile', () => {
  it('lets a few through at once, and the others in later turns, in order', async () => {
    const turnstile = new Turnstile(2);
    const passed: number[] = [];
    const enter = async (who: number): Promise<void> => {
      await turnstile.pass();
      passed.push(who);
    };
    const all = Promise.all([1, 2, 3, 4, 5].map(enter));
    await Promise.resolve();
    assert.deepEqual(passed, [1, 2]);
    await turn();
    assert.deepEqual(passed, [1, 2, 3, 4]);
    await all;
    assert.deepEqual(passed, [1, 2, 3, 4, 5]);
  });

  it('is free again after a turn', async () => {
    const turnstile = new Turnstile(1);
    for (let round = 0; round < 3; round++) {
      assert.equal(turnstile.pass(), undefined);
      await turn();
      await turn();
    }
  });

  it('lets nobody past those who wait', async () => {
    const turnstile = new Turnstile(1);
    const order: string[] = [];
    turnstile.pass();
    const early = turnstile.pass()?.then(() => order.push('early'));
    await turn();
    const late = Promise.resolve(turnstile.pass()).then(() => order.push('late'));
    await Promise.all([early, late]);
    assert.deepEqual(order, ['early', 'late']);
  });
});
