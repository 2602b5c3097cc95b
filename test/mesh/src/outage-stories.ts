/** An evaluator hangs, what is behind evaluators dies, and everything; callers get their answers, and operators are told. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Sluice } from '@sluice/sdk';
import { eventually } from '@sluice/testkit';
import { bareClient, evaluatorsOf, judge, withEnv } from './callers.js';
import { ask, type EvaluationClient, type Lab, set } from './lab.js';
import { describeLoad, type LoadReport, slowMs } from './load.js';
import { isNamed, nameOf, untilServing } from './naming.js';
import { allOf, both, callsOf, type Finding, type Story, type Told } from './story.js';

const frozenShare = 0.001;
const rotationGoalMs = 2_000;
/** Longer than it takes to be left alone, so that calls which go back to it are seen. */
const frozenForMs = 5_000;

/** Who calls a frozen evaluator waits: the last call that did was the last one sent to it. */
function rotation(lab: Lab, { slow }: LoadReport, frozenAtMs: number): Finding {
  const waited = slow.map(({ dueMs }) => dueMs - frozenAtMs).filter((ms) => ms >= 0);
  const last = waited.length === 0 ? 0 : Math.max(...waited) + slowMs;
  return { measured: `out of rotation after ${(last / 1_000).toFixed(1)} s`, isMet: last <= lab.goal(rotationGoalMs) };
}

async function freezes(lab: Lab, client: EvaluationClient): Promise<Told> {
  const victim = lab.random.pick(evaluatorsOf(lab, 'us'));
  let frozenAtMs = 0;
  let naming: Finding = { measured: 'nobody was told', isMet: false };
  const report = await lab.load(client, async () => {
    await lab.pause();
    naming = await isNamed(lab, 'us', {
      names: [nameOf(victim)],
      inflict: async () => {
        frozenAtMs = performance.now();
        victim.signal('SIGSTOP');
      },
      endure: () => sleep(Math.max(frozenForMs - (performance.now() - frozenAtMs), 0)),
      undo: async () => victim.signal('SIGCONT'),
    });
  });
  const isMet = report.failed <= report.calls * frozenShare;
  return { calls: both({ measured: describeLoad(report), isMet }, rotation(lab, report, frozenAtMs)), naming };
}

const evaluatorFrozen: Story = {
  fault: 'evaluator frozen (SIGSTOP)',
  goal: '<= 0.1 % failed, out of rotation <= 2 s, named <= 3 s',
  tell: (lab) => allOf(freezes(lab, lab.evaluation('us'))),
  mutant: {
    without: 'keepalive and outlier detection',
    tell: async (lab) => {
      const client = bareClient(evaluatorsOf(lab, 'us'), lab.mesh.rootKey);
      return callsOf(freezes(lab, client)).finally(() => client.close());
    },
  },
};

/** How long after config was last heard of an answer is stale. */
const staleAfterMs = 15_000;

/** Load while nothing behind the evaluators lives: at first, and once answers have to be stated as stale. */
async function losesAllBehind(lab: Lab): Promise<Told> {
  const dead = ['postgres', 'us-nats', 'eu-nats', 'us-config-1'].map((name) => lab.mesh.process(name));
  const client = lab.evaluation('us');
  const reports: LoadReport[] = [];
  const isStale = (wanted: boolean) => async (): Promise<void> => {
    if ((await ask(client)) !== wanted) throw new Error(wanted ? 'not stale yet' : 'still stale');
  };
  const loop = await lab.startLoad(client);
  const naming = await isNamed(lab, 'us', {
    names: dead.map(nameOf),
    inflict: async () => void (await Promise.all(dead.map((server) => server.kill()))),
    endure: async () => {
      await eventually(isStale(true), { deadlineMs: staleAfterMs, intervalMs: 200 }).catch(() => undefined);
      reports.push(await loop.end());
      reports.push(await lab.load(client, () => lab.pause()));
    },
    undo: async () => {
      for (const server of dead) await server.start();
      await eventually(isStale(false), { deadlineMs: 30_000, intervalMs: 200 });
    },
  }).finally(() => loop.end());
  const late = reports.at(-1);
  return { calls: both(...reports.map((report) => judge(lab, report)), ...(late ? [stated(late)] : [])), naming };
}

const stated = ({ stale, calls }: LoadReport): Finding => ({
  measured: `${stale} of ${calls} answers stale once past the limit`,
  isMet: stale === calls,
});

const nothingBehind: Story = {
  fault: 'config, NATS and PostgreSQL all dead',
  goal: '0 failed, staleness stated on every answer, each named <= 3 s',
  tell: (lab) => allOf(losesAllBehind(lab)),
  mutant: {
    without: 'a limit from which on an answer is stale',
    tell: (lab) =>
      withEnv(evaluatorsOf(lab, 'us'), { EVALUATION_STALE_AFTER_MS: '3600000' }, () => callsOf(losesAllBehind(lab))),
  },
};

/** Everything but evaluators, whose stories are elsewhere. */
const parts = ['us-config-1', 'us-ingestion-1', 'us-nats', 'postgres', 'us-consul'] as const;

function dies(lab: Lab, name: string): Promise<Finding> {
  const victim = lab.mesh.process(name);
  return isNamed(lab, 'us', { names: [nameOf(victim)], inflict: () => victim.kill(), undo: () => victim.start() });
}

const everyPart: Story = {
  fault: 'config, ingestion, NATS, PostgreSQL and Consul of a region killed, one after the other',
  goal: 'each named with region and cause <= 3 s, and cleared after',
  tell: async (lab) => {
    const findings: Finding[] = [];
    for (const name of parts) findings.push(await dies(lab, name));
    return both(...findings);
  },
  mutant: {
    without: 'asking every instance each second',
    tell: async (lab) => {
      const health = lab.mesh.process('us-health-1');
      return withEnv([health], { PROBE_EVERY_MS: '10000' }, async () => {
        // It has just looked, then, and will not look again in time.
        await untilServing(lab, 'us', 'us-config-1');
        return dies(lab, 'us-config-1');
      });
    },
  },
};

const coldStartGoalMs = 1_000;

async function startsCold(lab: Lab, stateDir: string | undefined): Promise<Finding> {
  const options = {
    key: lab.mesh.rootKey,
    set,
    target: 'consul:///evaluation',
    consulAddr: lab.mesh.consulAddr('eu'),
    region: 'eu',
    ...(stateDir === undefined ? {} : { stateDir }),
    disableExposureLogging: true,
  };
  const ada = { userID: 'ada' };
  const before = new Sluice(options);
  await before.ready({ timeoutMs: 15_000 });
  const expected = before.checkGate('express-checkout', ada);
  const { revision } = before.status();
  await before.close();
  try {
    await Promise.all(['us', 'eu'].map((region) => lab.mesh.killRegion(region)));
    const startedMs = performance.now();
    const after = new Sluice(options);
    const problem = await after.ready({ timeoutMs: 5 * coldStartGoalMs }).then(() => undefined, String);
    const tookMs = performance.now() - startedMs;
    const isSame = after.checkGate('express-checkout', ada) === expected && after.status().revision === revision;
    await after.close();
    const what = problem ?? (isSame ? 'the same answer and revision' : 'ANOTHER answer');
    const measured = `${tookMs.toFixed(0)} ms, ${what}; nobody is left to name it`;
    return { measured, isMet: isSame && tookMs <= lab.goal(coldStartGoalMs) };
  } finally {
    for (const region of ['us', 'eu']) await lab.mesh.startRegion(region);
    await untilServing(lab, 'us', 'eu-evaluation-1');
  }
}

const coldStart: Story = {
  fault: 'everything dead, an SDK starts cold',
  goal: 'last-known-good within 1 s',
  tell: (lab) => startsCold(lab, lab.folder('sdk')),
  mutant: { without: 'last-known-good on disk', tell: (lab) => startsCold(lab, undefined) },
};

export const outageStories: readonly Story[] = [evaluatorFrozen, nothingBehind, everyPart, coldStart];
