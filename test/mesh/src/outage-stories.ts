/** An evaluator hangs, what is behind evaluators dies, and everything; callers get their answers, and operators are told. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Sluice } from '@sluice/sdk';
import { eventually, type TestProcess } from '@sluice/testkit';
import { bareClient, evaluatorsOf, judge, quietMs, seen, seenGoalMs } from './callers.js';
import { ask, type EvaluationClient, type Lab, set } from './lab.js';
import { describeLoad, type LoadReport } from './load.js';
import { both, type Finding, type Story } from './story.js';

const frozenShare = 0.001;

async function freezes(lab: Lab, client: EvaluationClient): Promise<Finding> {
  const [victim] = evaluatorsOf(lab, 'us');
  let named = 0;
  let cleared = 0;
  const report = await lab.load(client, async () => {
    await sleep(quietMs);
    victim?.signal('SIGSTOP');
    named = await lab.untilSeen('us', victim?.name ?? '', 'not serving');
    await sleep(2_000);
    victim?.signal('SIGCONT');
    cleared = await lab.untilSeen('us', victim?.name ?? '', 'serving');
  });
  const isMet = report.failed <= report.calls * frozenShare;
  return both({ measured: describeLoad(report), isMet }, seen(victim?.name ?? '', named, cleared));
}

const evaluatorFrozen: Story = {
  fault: 'evaluator frozen (SIGSTOP)',
  goal: '<= 0.1 % failed, named <= 3 s',
  tell: (lab) => freezes(lab, lab.evaluation('us')),
  mutant: {
    without: 'keepalive, outlier detection and hedges',
    tell: async (lab) => {
      const client = bareClient(evaluatorsOf(lab, 'us'), lab.mesh.rootKey);
      const finding = await freezes(lab, client);
      client.close();
      return finding;
    },
  },
};

/** How long after config was last heard of an answer is stale. */
const staleAfterMs = 15_000;

const nothingBehind: Story = {
  fault: 'config, NATS and PostgreSQL all dead',
  goal: '0 failed, staleness stated on every answer',
  tell: async (lab) => {
    const names = ['postgres', 'us-nats', 'eu-nats', 'us-config-1'];
    const dead = names.map((name) => lab.mesh.process(name));
    const client = lab.evaluation('us');
    const early = await lab.load(client, async () => {
      await Promise.all(dead.map((server) => server.kill()));
      await eventually(
        async () => {
          if (!(await ask(client))) throw new Error('not stale yet');
        },
        { deadlineMs: 2 * staleAfterMs, intervalMs: 200 },
      );
    });
    const late = await lab.load(client, () => sleep(2 * quietMs));
    for (const server of dead) await server.start();
    await eventually(
      async () => {
        if (await ask(client)) throw new Error('still stale');
      },
      { deadlineMs: 30_000, intervalMs: 200 },
    );
    return both(judge(lab, early), judge(lab, late), stated(late));
  },
  mutant: {
    without: 'any fault, so that no answer says that it is stale,',
    tell: async (lab) => stated(await lab.load(lab.evaluation('us'), () => sleep(quietMs))),
  },
};

const stated = ({ stale, calls }: LoadReport): Finding => ({
  measured: `${stale} of ${calls} answers stale once past the limit`,
  isMet: stale === calls,
});

/** Everything but evaluators, whose stories are above. */
const named = ['us-config-1', 'us-ingestion-1', 'us-nats', 'postgres', 'us-consul'] as const;

/** What goes on, as the health services of both regions see it, once there is something, or nothing any more. */
async function untilIncident(lab: Lab, isOpen: boolean, withinMs = 15_000): Promise<{ ms: number; causes: string[] }> {
  const startedMs = performance.now();
  let causes: string[] = [];
  await eventually(
    async () => {
      const found = await Promise.all(['us', 'eu'].map((from) => lab.incidents(from)));
      causes = found.flat().map(({ subject, region, cause }) => `${subject} in ${region}: ${cause}`);
      if (causes.length > 0 !== isOpen) throw new Error(causes.join('; ') || 'no incident is open');
    },
    { deadlineMs: withinMs, intervalMs: 50 },
  );
  return { ms: performance.now() - startedMs, causes };
}

/** Whether something is done to a process that both health services name, and clear after. */
async function isNamed(lab: Lab, name: string, harm: (victim: TestProcess) => Promise<void>): Promise<Finding> {
  await untilIncident(lab, false);
  await harm(lab.mesh.process(name));
  const found = await untilIncident(lab, true, seenGoalMs).catch((error: unknown) => String(error));
  await lab.mesh.process(name).start();
  const cleared = await untilIncident(lab, false);
  if (typeof found === 'string') return { measured: `${name}: ${found}`, isMet: false };
  const { ms, causes } = found;
  const took = `${(ms / 1_000).toFixed(1)} s (${causes[0]}), cleared ${(cleared.ms / 1_000).toFixed(1)} s after`;
  const isTold = causes.some((cause) => cause.includes(' in us: ') && !cause.endsWith(': '));
  return { measured: `${name} named after ${took}`, isMet: isTold && ms <= seenGoalMs };
}

const everyPart: Story = {
  fault: 'config, ingestion, NATS, PostgreSQL and Consul of a region killed, one after the other',
  goal: 'each named with region and cause <= 3 s, and cleared after',
  tell: async (lab) => {
    const findings: Finding[] = [];
    for (const name of named) findings.push(await isNamed(lab, name, (victim) => victim.kill()));
    return both(...findings);
  },
  mutant: {
    without: 'any fault',
    tell: (lab) => isNamed(lab, 'us-config-1', async () => undefined),
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
  await Promise.all(['us', 'eu'].map((region) => lab.mesh.killRegion(region)));
  const startedMs = performance.now();
  const after = new Sluice(options);
  const problem = await after.ready({ timeoutMs: 5 * coldStartGoalMs }).then(() => undefined, String);
  const tookMs = performance.now() - startedMs;
  const isSame = after.checkGate('express-checkout', ada) === expected && after.status().revision === revision;
  await after.close();
  for (const region of ['us', 'eu']) await lab.mesh.startRegion(region);
  await lab.untilSeen('us', 'eu-evaluation-1', 'serving');
  const what = problem ?? (isSame ? 'the same answer and revision' : 'ANOTHER answer');
  return { measured: `${tookMs.toFixed(0)} ms, ${what}`, isMet: isSame && tookMs <= coldStartGoalMs };
}

const coldStart: Story = {
  fault: 'everything dead, an SDK starts cold',
  goal: 'last-known-good within 1 s',
  tell: (lab) => startsCold(lab, lab.folder('sdk')),
  mutant: { without: 'last-known-good on disk', tell: (lab) => startsCold(lab, undefined) },
};

export const outageStories: readonly Story[] = [evaluatorFrozen, nothingBehind, everyPart, coldStart];
