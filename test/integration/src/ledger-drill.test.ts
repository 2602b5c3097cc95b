/** A short run of `make drill ledger`, and whether its checker can tell right from wrong. */
import assert from 'node:assert/strict';
import { everything, planBlackouts, planFaults } from './ledger-faults.js';
import { runLedger } from './ledger-run.js';
import { brokenPromises, type Findings } from './ledger-verdict.js';

const good: Findings = {
  ...{
    sourceId: 's',
    sent: 40,
    acked: 40,
    rejected: 0,
    rows: 50,
    stored: 40,
    lost: 0,
    double: 0,
    strange: 0,
    deadLetters: 0,
  },
  ...{ told: { events: 30, sum: 30, exposures: 10 }, expected: { events: 30, sum: 30, exposures: 10 } },
  ...{ keptTwice: 0, messages: 5, unrest: '', reads: 2, longestGapMs: 1, ackP50Ms: 1, ackP99Ms: 1 },
  ...{ retries: 0, repeats: 1, sdk: { generated: 10, settled: 10, stored: 10, unexplained: 0 } },
};

describe('the judgement of the ledger', () => {
  it('finds nothing wrong where nothing is', () => assert.deepEqual(brokenPromises(good), []));

  const wrongs: [string, Partial<Findings>, RegExp][] = [
    ['a loss', { lost: 1 }, /1 acknowledged events are lost/],
    ['a double', { double: 2 }, /2 events are stored twice/],
    ['events from nowhere', { strange: 1 }, /never sent/],
    ['nothing done', { acked: 0 }, /nothing was acknowledged/],
    ['unrest', { unrest: '3 in EVENTS' }, /did not come to rest: 3 in EVENTS/],
    ['a burial', { deadLetters: 1 }, /buried/],
    ['a refusal', { rejected: 1 }, /rejected/],
    ['repeats that the log did not notice', { keptTwice: 3 }, /the log kept 3 repeats/],
    ['a wrong count', { told: { ...good.told, events: 31 } }, /counts 31 events, 30 are stored/],
    ['a wrong sum', { told: { ...good.told, sum: 29 } }, /sum is 29/],
    ['a wrong exposure', { told: { ...good.told, exposures: 11 } }, /counts 11 exposures/],
    ['books that do not balance', { sdk: { ...good.sdk, unexplained: 1 } }, /do not explain 1/],
    ['an event of the SDK that is gone', { sdk: { ...good.sdk, stored: 9 } }, /10 were taken, 9 are stored/],
  ];
  for (const [what, part, sentence] of wrongs) {
    it(`sees ${what}`, () => assert.match(brokenPromises({ ...good, ...part }).join('; '), sentence));
  }

  it('plans the same faults for the same seed, each kind for each victim', () => {
    const plan = { seed: 7, durationMs: 60_000, victims: ['a', 'b'], powered: ['b'], filled: ['a'] };
    assert.deepEqual(planFaults(plan), planFaults(plan));
    assert.notDeepEqual(planFaults(plan), planFaults({ ...plan, seed: 8 }));
    const blackouts = planBlackouts(plan);
    assert.deepEqual(blackouts, planBlackouts(plan));
    assert.ok(blackouts.length > 3 && blackouts.every(({ victim }) => victim === everything));
    const kinds = new Set(planFaults(plan).map(({ victim, fault }) => `${fault} ${victim}`));
    assert.deepEqual([...kinds].sort(), ['freeze a', 'freeze b', 'full a', 'kill a', 'kill b', 'power b']);
  });
});

describe('the ledger while processes die', function () {
  this.timeout(120_000);

  it('loses nothing, counts nothing twice, and its books balance', async () => {
    const said: string[] = [];
    const run = await runLedger({
      ...{ seed: 5, durationMs: 12_000, batchesPerSecond: 20, eventsPerBatch: 20 },
      say: (line) => void said.push(line),
    });
    const told = JSON.stringify({ ...run, said }, null, 2);
    assert.deepEqual(run.broken, [], told);
    const { code, isMoving, problems, source } = run.books;
    assert.deepEqual([code, isMoving, problems], [0, false, []], told);
    assert.deepEqual([source?.arrived, source?.missing], [run.findings.sent, 0], told);
    assert.ok(Object.keys(run.faults).length >= 4, told);
    assert.ok(run.findings.acked >= 2_000 && run.findings.repeats > 0, told);
  });
});
