import assert from 'node:assert/strict';
import { DatabaseProbe } from './database-probe.js';

describe('the probe of a database', () => {
  it('says what is missing by the last answer', async () => {
    let isReady = true;
    const probe = new DatabaseProbe({ isReady: () => Promise.resolve(isReady) });
    assert.deepEqual(probe.missing(), {});
    assert.equal(await probe.ask(), true);
    isReady = false;
    assert.equal(await probe.ask(), false);
    assert.deepEqual(probe.missing(), { postgres: 'does not answer' });
    isReady = true;
    await probe.ask();
    assert.deepEqual(probe.missing(), {});
  });

  it('asks one question at a time, and takes a late answer for none', async () => {
    let asked = 0;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const probe = new DatabaseProbe({
      isReady: () => {
        asked++;
        return promise;
      },
    });
    const answers = [probe.ask(), probe.ask()];
    assert.deepEqual(probe.missing(), {});
    const deadlineMs = performance.now() + 5_000;
    while (Object.keys(probe.missing()).length === 0 && performance.now() < deadlineMs)
      await new Promise((wake) => setTimeout(wake, 20));
    assert.deepEqual(probe.missing(), { postgres: 'does not answer' });
    resolve(true);
    assert.deepEqual(await Promise.all(answers), [true, true]);
    assert.equal(asked, 1);
    assert.deepEqual(probe.missing(), {});
  });
});
