import assert from 'node:assert/strict';
import { describeMismatch } from './report.js';
import { runRounds } from './rounds.js';

/** Fixed, so that a failure here is a failure everywhere; `make fuzz` goes further. */
const firstSeed = 1;
const comparisonsMin = 100_000;

describe('the reference', () => {
  it('answers as the engine does', async function () {
    this.timeout(120_000);
    const outcome = await runRounds(firstSeed, comparisonsMin);
    if (outcome.failed !== undefined) assert.fail(await describeMismatch(outcome.failed));
    assert.ok(outcome.comparisons >= comparisonsMin);
    // One spoiled document in a hundred overflows the reference's stack; more would mean that little is compared.
    assert.ok(outcome.crashes.length <= 1 + outcome.rounds / 50, `${outcome.crashes.length} crashes`);
  });
});
