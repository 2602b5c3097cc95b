import { strict as assert } from 'node:assert';
import { setImmediate as turn } from 'node:timers/promises';
import { Slices } from './slices.js';

/** Longer than a slice. */
function workHard(): void {
  const until = performance.now() + 1.5;
  while (performance.now() < until);
}

describe('work in slices', () => {
  it('is done in order', async () => {
    const slices = new Slices();
    const done: number[] = [];
    for (let piece = 0; piece < 100; piece++) slices.add(() => done.push(piece));
    while (done.length < 100) await turn();
    assert.deepEqual(done, [...Array(100).keys()]);
  });

  it('lets the loop turn between pieces that take long', async () => {
    const slices = new Slices();
    const turnOf: number[] = [];
    let turns = 0;
    for (let piece = 0; piece < 10; piece++) {
      slices.add(() => {
        workHard();
        turnOf.push(turns);
      });
    }
    for (; turnOf.length < 10; turns++) await turn();
    assert.equal(new Set(turnOf).size, 10, `pieces were done in the turns ${turnOf}`);
  });

  it('counts what a piece sets in motion', async () => {
    const slices = new Slices();
    const turnOf: number[] = [];
    let turns = 0;
    for (let piece = 0; piece < 10; piece++) {
      slices.add(() => {
        void Promise.resolve().then(() => {
          workHard();
          turnOf.push(turns);
        });
      });
    }
    for (; turnOf.length < 10; turns++) await turn();
    assert.ok(new Set(turnOf).size >= 5, `pieces were done in the turns ${turnOf}`);
  });

  it('takes more work when it has been done with all', async () => {
    const slices = new Slices();
    for (let round = 0; round < 3; round++) {
      const { promise, resolve } = Promise.withResolvers<void>();
      slices.add(resolve);
      await promise;
    }
  });
});
