/** Far more than an evaluator can do. */
import {
  askHeavily,
  clientsOf,
  decisionsEach,
  loadFor,
  makeKeys,
  noAdmission,
  type RawClient,
  unprotected,
} from './heavy-calls.js';
import type { Lab } from './lab.js';
import { describeLoad, type LoadReport } from './load.js';
import { withRemark } from './naming.js';
import { both, type Finding, type Story } from './story.js';

const lanes = 8;
const capacityMs = 3_000;
const overload = 10;
const overloadMs = 5_000;
/** Timers are late when everything is: a little less than ten times is still ten times. */
const overloadGoal = 0.9 * overload;
const goodputGoal = 0.8;
const recoveryMs = 2_000;
/** How much later than before calls may be answered once it is over; within what a calm second varies by. */
const slowerAfter = 2;
const calmMs = 50;

/** Answers per second when just enough calls are under way. */
async function capacityOf(client: RawClient): Promise<number> {
  const startedMs = performance.now();
  let answered = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() - startedMs < capacityMs) {
      await askHeavily(client);
      answered++;
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  return (answered * 1_000) / (performance.now() - startedMs);
}

/** What is still answered when ten times as much is asked, and what happens after it. */
async function overloaded(lab: Lab, keys: readonly string[]): Promise<Finding> {
  const clients = clientsOf(lab, keys);
  try {
    const [first] = clients as [RawClient];
    await capacityOf(first);
    const capacity = await capacityOf(first);
    let turn = 0;
    const ask = () => askHeavily(clients[turn++ % clients.length] ?? first);
    const calm = await loadFor(1_000, ask, capacity / 4);
    const startedMs = performance.now();
    const during = await loadFor(overloadMs, ask, overload * capacity);
    const tookS = (performance.now() - startedMs) / 1_000;
    const share = (during.calls - during.failed) / tookS / capacity;
    await loadFor(recoveryMs, ask, capacity / 4);
    const after = await loadFor(1_000, ask, capacity / 4);
    return both(offeredIn(during, capacity), goodputOf(share, capacity), recovered(calm, after));
  } finally {
    for (const client of clients) client.close();
  }
}

/** What callers wanted, and what of that their clients sent: those hold calls back when most are turned away. */
function offeredIn({ calls, reasons }: LoadReport, capacity: number): Finding {
  const held = [...reasons].filter(([reason]) => /not sent/.test(reason)).reduce((sum, [, count]) => sum + count, 0);
  const times = (count: number): number => count / (overloadMs / 1_000) / capacity;
  const measured = `${times(calls).toFixed(1)}× offered, ${times(calls - held).toFixed(1)}× sent by clients`;
  return { measured, isMet: times(calls) >= overloadGoal };
}

const goodputOf = (share: number, capacity: number): Finding => ({
  measured: `goodput ${share.toFixed(2)} of ${capacity.toFixed(0)} calls/s (${decisionsEach} decisions each)`,
  isMet: share >= goodputGoal,
});

function recovered(calm: LoadReport, after: LoadReport): Finding {
  const measured = `from 2 s after it on ${describeLoad(after)} (${calm.p99Ms.toFixed(0)} ms before)`;
  return { measured, isMet: after.failed === 0 && after.p99Ms <= slowerAfter * Math.max(calm.p99Ms, calmMs) };
}

const byAll: Story = {
  fault: 'ten times what an evaluator can do, asked by all',
  goal: '10× offered, goodput >= 80 % of peak, calls as before <= 2 s after',
  tell: (lab) => withRemark(lab, async () => overloaded(lab, await makeKeys(lab, 4))),
  mutant: {
    without: 'shedding',
    tell: (lab) => unprotected(lab, noAdmission, async () => overloaded(lab, await makeKeys(lab, 4))),
  },
};

export const overloadStories: readonly Story[] = [byAll];
