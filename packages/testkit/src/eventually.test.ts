import assert from 'node:assert/strict';
import { eventually } from './eventually.js';

describe('eventually', () => {
  it('tries until it neither throws nor is false', async () => {
    let tries = 0;
    const value = await eventually(
      () => {
        tries += 1;
        if (tries === 1) throw new Error('not yet');
        return tries === 2 ? false : 'done';
      },
      { intervalMs: 1 },
    );
    assert.equal(value, 'done');
    assert.equal(tries, 3);
  });

  it('gives up at the deadline with the last reason', async () => {
    const never = () => assert.equal(1, 2, 'one is not two');
    await assert.rejects(eventually(never, { deadlineMs: 10, intervalMs: 1 }), /Not within 10 ms: one is not two/);
    await assert.rejects(
      eventually(() => false, { deadlineMs: 10, intervalMs: 1 }),
      /the condition is still false/,
    );
  });
});
