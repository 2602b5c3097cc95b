/** Evaluators, Consul and everything behind them die; callers must not notice. */
import { setTimeout as sleep } from 'node:timers/promises';
import { createClient } from '@sluice/mesh';
import { EvaluationServiceService } from '@sluice/proto';
import { Sluice } from '@sluice/sdk';
import { eventually, type TestProcess } from '@sluice/testkit';
import { ask, type EvaluationClient, type Lab, set } from './lab.js';
import { describeLoad, type LoadReport } from './load.js';
import { both, type Finding, type Story } from './story.js';

const zeroFailed = '0 failed, p99 <= 150 ms';
const seenGoalMs = 3_000;

/** Load before the fault, and after it has been undone. */
const quietMs = 500;

const evaluatorsOf = ({ mesh }: Lab, region: string): TestProcess[] =>
  [1, 2].map((n) => mesh.process(`${region}-evaluation-${n}`));

function judge({ p99MaxMs }: Lab, report: LoadReport): Finding {
  const isMet = report.calls > 0 && report.failed === 0 && report.p99Ms <= p99MaxMs;
  return { measured: describeLoad(report), isMet };
}

function seen(what: string, namedMs: number, clearedMs: number): Finding {
  const measured = `${what} named after ${(namedMs / 1_000).toFixed(1)} s, cleared ${(clearedMs / 1_000).toFixed(1)} s after`;
  return { measured, isMet: namedMs <= seenGoalMs };
}

/** Load on a region while some processes are killed and come back. */
async function killed(lab: Lab, region: string, victims: readonly TestProcess[], from: string): Promise<Finding> {
  const [first] = victims;
  let named = 0;
  let cleared = 0;
  const report = await lab.load(lab.evaluation(region), async () => {
    await sleep(quietMs);
    await Promise.all(victims.map((victim) => victim.kill()));
    named = await lab.untilSeen(from, first?.name ?? '', 'not serving');
    await Promise.all(victims.map((victim) => victim.start()));
    cleared = await lab.untilSeen(from, first?.name ?? '', 'serving');
    await sleep(quietMs);
  });
  return both(judge(lab, report), seen(first?.name ?? '', named, cleared));
}

/** Nothing but these addresses: no Consul, and no second tier. */
function withoutSecondTier({ mesh }: Lab, processes: readonly TestProcess[]): EvaluationClient {
  const target = `static:///${processes.map(({ address }) => address).join()}`;
  return createClient(EvaluationServiceService, { target, key: mesh.rootKey });
}

const evaluatorKilled: Story = {
  fault: 'evaluator kill -9',
  goal: zeroFailed,
  tell: (lab) => killed(lab, 'us', evaluatorsOf(lab, 'us').slice(0, 1), 'us'),
};

const rollingRestart: Story = {
  fault: 'rolling restart of the evaluators of a region',
  goal: zeroFailed,
  tell: async (lab) => {
    const report = await lab.load(lab.evaluation('us'), async () => {
      for (const evaluator of evaluatorsOf(lab, 'us')) {
        await evaluator.restart();
        await lab.untilSeen('us', evaluator.name, 'serving');
      }
    });
    return judge(lab, report);
  },
};

const allEvaluators: Story = {
  fault: "all of a region's evaluators killed",
  goal: zeroFailed,
  tell: (lab) => killed(lab, 'us', evaluatorsOf(lab, 'us'), 'us'),
  mutant: async (lab) => {
    const evaluators = evaluatorsOf(lab, 'us');
    const client = withoutSecondTier(lab, evaluators);
    const report = await lab.load(client, async () => {
      await Promise.all(evaluators.map((victim) => victim.kill()));
      await sleep(quietMs);
      await Promise.all(evaluators.map((victim) => victim.start()));
    });
    client.close();
    return !judge(lab, report).isMet;
  },
};

const queryGoalMs = 2_000;

/** Regions of the instances that Consul's prepared query gives. */
async function regionsByQuery({ mesh }: Lab, region: string): Promise<string[]> {
  const answer = await fetch(`http://${mesh.consulAddr(region)}/v1/query/evaluation/execute`, {
    signal: AbortSignal.timeout(queryGoalMs),
  });
  const { Nodes } = (await answer.json()) as { Nodes: { Service: { Meta: { region: string } } }[] };
  return [...new Set(Nodes.map(({ Service }) => Service.Meta.region))];
}

const preparedQuery: Story = {
  fault: "all of a region's evaluators killed, seen by callers without our client",
  goal: 'the prepared query names another region within 2 s, and comes home',
  tell: async (lab) => {
    const evaluators = evaluatorsOf(lab, 'us');
    const until = (region: string) =>
      eventually(
        async () => {
          const regions = await regionsByQuery(lab, 'us');
          if (regions.join() !== region) throw new Error(`it names ${regions.join() || 'nobody'}`);
        },
        { deadlineMs: 15_000, intervalMs: 50 },
      );
    await until('us');
    await Promise.all(evaluators.map((victim) => victim.kill()));
    const startedMs = performance.now();
    await until('eu');
    const tookMs = performance.now() - startedMs;
    await Promise.all(evaluators.map((victim) => victim.start()));
    await until('us');
    for (const { name } of evaluators) await lab.untilSeen('us', name, 'serving');
    return { measured: `eu named after ${tookMs.toFixed(0)} ms`, isMet: tookMs <= queryGoalMs };
  },
};

const regionKilled = (region: string, other: string, which: string): Story => ({
  fault: `the whole ${which} region killed, seen from its callers`,
  goal: zeroFailed,
  tell: async (lab) => {
    const witness = `${region}-evaluation-1`;
    let named = 0;
    const report = await lab.load(lab.evaluation(region), async () => {
      await sleep(quietMs);
      await lab.mesh.killRegion(region);
      named = await lab.untilSeen(other, witness, 'not serving');
      await sleep(quietMs);
    });
    await lab.mesh.startRegion(region);
    const cleared = await lab.untilSeen(other, witness, 'serving');
    return both(judge(lab, report), seen(witness, named, cleared));
  },
});

const consulDead: Story = {
  fault: 'Consul dead in all regions, then the local evaluators killed',
  goal: zeroFailed,
  tell: async (lab) => {
    const consuls = ['us', 'eu'].map((region) => lab.mesh.process(`${region}-consul`));
    const evaluators = evaluatorsOf(lab, 'us');
    const report = await lab.load(lab.evaluation('us'), async () => {
      await Promise.all(consuls.map((consul) => consul.kill()));
      await sleep(quietMs);
      await Promise.all(evaluators.map((victim) => victim.kill()));
      await sleep(2 * quietMs);
    });
    await Promise.all(consuls.map((consul) => consul.start()));
    await Promise.all(evaluators.map((victim) => victim.start()));
    for (const { name } of evaluators) await lab.untilSeen('us', name, 'serving');
    return judge(lab, report);
  },
};

const frozenShare = 0.001;

const evaluatorFrozen: Story = {
  fault: 'evaluator frozen (SIGSTOP)',
  goal: '<= 0.1 % failed, named <= 3 s',
  tell: async (lab) => {
    const [victim] = evaluatorsOf(lab, 'us');
    let named = 0;
    let cleared = 0;
    const report = await lab.load(lab.evaluation('us'), async () => {
      await sleep(quietMs);
      victim?.signal('SIGSTOP');
      named = await lab.untilSeen('us', victim?.name ?? '', 'not serving');
      await sleep(2_000);
      victim?.signal('SIGCONT');
      cleared = await lab.untilSeen('us', victim?.name ?? '', 'serving');
    });
    const isMet = report.failed <= report.calls * frozenShare;
    return both({ measured: describeLoad(report), isMet }, seen(victim?.name ?? '', named, cleared));
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
    const stated = `${late.stale} of ${late.calls} answers stale once past the limit`;
    return both(judge(lab, early), judge(lab, late), { measured: stated, isMet: late.stale === late.calls });
  },
};

/** Everything but evaluators, whose stories are above. */
const named = ['us-config-1', 'us-ingestion-1', 'us-nats', 'postgres', 'us-consul'] as const;

/** Milliseconds until the health service of the other region has an open incident in this one, or none; with its causes. */
async function untilIncident(lab: Lab, isOpen: boolean): Promise<{ ms: number; causes: string[] }> {
  const startedMs = performance.now();
  let causes: string[] = [];
  await eventually(
    async () => {
      const found = await Promise.all(['us', 'eu'].map((from) => lab.incidents(from)));
      causes = found.flat().map(({ subject, region, cause }) => `${subject} in ${region}: ${cause}`);
      if (causes.length > 0 !== isOpen) throw new Error(`${causes.join('; ') || 'none'}`);
    },
    { deadlineMs: 15_000, intervalMs: 50 },
  );
  return { ms: performance.now() - startedMs, causes };
}

const everyPart: Story = {
  fault: 'config, ingestion, NATS, PostgreSQL and Consul of a region killed, one after the other',
  goal: 'each named with region and cause <= 3 s, and cleared after',
  tell: async (lab) => {
    const findings: Finding[] = [];
    for (const name of named) {
      await untilIncident(lab, false);
      await lab.mesh.process(name).kill();
      const { ms, causes } = await untilIncident(lab, true);
      await lab.mesh.process(name).start();
      const cleared = await untilIncident(lab, false);
      const isNamed = causes.some((cause) => cause.includes(' in us: ') && !cause.endsWith(': '));
      const took = `${(ms / 1_000).toFixed(1)} s (${causes[0]}), cleared ${(cleared.ms / 1_000).toFixed(1)} s after`;
      findings.push({ measured: `${name} named after ${took}`, isMet: isNamed && ms <= seenGoalMs });
    }
    return both(...findings);
  },
};

const coldStartGoalMs = 1_000;

const coldStart: Story = {
  fault: 'everything dead, an SDK starts cold',
  goal: 'last-known-good within 1 s',
  tell: async (lab) => {
    const options = {
      key: lab.mesh.rootKey,
      set,
      target: 'consul:///evaluation',
      consulAddr: lab.mesh.consulAddr('eu'),
      region: 'eu',
      stateDir: lab.folder('sdk'),
      disableExposureLogging: true,
    };
    const before = new Sluice(options);
    await before.ready({ timeoutMs: 15_000 });
    const expected = before.checkGate('express-checkout', { userID: 'ada' });
    const { revision } = before.status();
    await before.close();
    await Promise.all(['us', 'eu'].map((region) => lab.mesh.killRegion(region)));
    const startedMs = performance.now();
    const after = new Sluice(options);
    await after.ready({ timeoutMs: 15_000 });
    const tookMs = performance.now() - startedMs;
    const isSame =
      after.checkGate('express-checkout', { userID: 'ada' }) === expected && after.status().revision === revision;
    await after.close();
    for (const region of ['us', 'eu']) await lab.mesh.startRegion(region);
    await lab.untilSeen('us', 'eu-evaluation-1', 'serving');
    const measured = `${tookMs.toFixed(0)} ms, ${isSame ? 'the same answer and revision' : 'ANOTHER answer'}`;
    return { measured, isMet: isSame && tookMs <= coldStartGoalMs };
  },
};

export const evaluationStories: readonly Story[] = [
  evaluatorKilled,
  rollingRestart,
  allEvaluators,
  preparedQuery,
  regionKilled('eu', 'us', 'other'),
  regionKilled('us', 'eu', 'home'),
  consulDead,
  evaluatorFrozen,
  nothingBehind,
  everyPart,
  coldStart,
];
