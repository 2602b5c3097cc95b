/** Evaluators, regions and Consul die; callers must not notice. */
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually, type TestProcess } from '@sluice/testkit';
import { evaluatorsOf, judge, quietMs, seen, withOnly } from './callers.js';
import type { EvaluationClient, Lab } from './lab.js';
import { both, type Finding, type Story } from './story.js';

const zeroFailed = '0 failed, p99 <= 150 ms';

/** Load on a region while some processes are killed and come back. */
async function killed(
  lab: Lab,
  client: EvaluationClient,
  victims: readonly TestProcess[],
  from: string,
): Promise<Finding> {
  const [first] = victims;
  let named = 0;
  let cleared = 0;
  const report = await lab.load(client, async () => {
    await sleep(quietMs);
    await Promise.all(victims.map((victim) => victim.kill()));
    named = await lab.untilSeen(from, first?.name ?? '', 'not serving');
    await Promise.all(victims.map((victim) => victim.start()));
    cleared = await lab.untilSeen(from, first?.name ?? '', 'serving');
    await sleep(quietMs);
  });
  return both(judge(lab, report), seen(first?.name ?? '', named, cleared));
}

const evaluatorKilled: Story = {
  fault: 'evaluator kill -9',
  goal: zeroFailed,
  tell: (lab) => killed(lab, lab.evaluation('us'), evaluatorsOf(lab, 'us').slice(0, 1), 'us'),
  mutant: {
    without: 'a second evaluator to turn to',
    tell: (lab) => {
      const victims = evaluatorsOf(lab, 'us').slice(0, 1);
      return withOnly(lab, victims, (client) => killed(lab, client, victims, 'us'));
    },
  },
};

async function restartAll(lab: Lab, client: EvaluationClient): Promise<Finding> {
  const report = await lab.load(client, async () => {
    for (const evaluator of evaluatorsOf(lab, 'us')) {
      await evaluator.restart();
      await lab.untilSeen('us', evaluator.name, 'serving');
    }
  });
  return judge(lab, report);
}

const rollingRestart: Story = {
  fault: 'rolling restart of the evaluators of a region',
  goal: zeroFailed,
  tell: (lab) => restartAll(lab, lab.evaluation('us')),
  mutant: {
    without: 'a second evaluator to turn to',
    tell: (lab) => withOnly(lab, evaluatorsOf(lab, 'us').slice(0, 1), (client) => restartAll(lab, client)),
  },
};

const allEvaluators: Story = {
  fault: "all of a region's evaluators killed",
  goal: zeroFailed,
  tell: (lab) => killed(lab, lab.evaluation('us'), evaluatorsOf(lab, 'us'), 'us'),
  mutant: {
    without: 'the second tier',
    tell: (lab) => {
      const victims = evaluatorsOf(lab, 'us');
      return withOnly(lab, victims, (client) => killed(lab, client, victims, 'us'));
    },
  },
};

const queryGoalMs = 2_000;

/** Regions of the instances that Consul names at this path. */
async function regionsAt({ mesh }: Lab, path: string): Promise<string[]> {
  const answer = await fetch(`http://${mesh.consulAddr('us')}${path}`, { signal: AbortSignal.timeout(queryGoalMs) });
  const body = (await answer.json()) as ConsulNodes | { readonly Nodes: ConsulNodes };
  const nodes = 'Nodes' in body ? body.Nodes : body;
  return [...new Set(nodes.map(({ Service }) => Service.Meta.region))];
}

type ConsulNodes = readonly { readonly Service: { readonly Meta: { readonly region: string } } }[];

/** What Consul names while a region has no evaluators. */
async function namedInstead(lab: Lab, path: string): Promise<Finding> {
  const evaluators = evaluatorsOf(lab, 'us');
  const until = (region: string, withinMs: number) =>
    eventually(
      async () => {
        const regions = await regionsAt(lab, path);
        if (regions.join() !== region) throw new Error(`it names ${regions.join() || 'nobody'}`);
      },
      { deadlineMs: withinMs, intervalMs: 50 },
    );
  await until('us', 15_000);
  await Promise.all(evaluators.map((victim) => victim.kill()));
  const startedMs = performance.now();
  const finding = await until('eu', queryGoalMs).then(
    () => ({ measured: `eu named after ${(performance.now() - startedMs).toFixed(0)} ms`, isMet: true }),
    (error: unknown) => ({ measured: String(error), isMet: false }),
  );
  await Promise.all(evaluators.map((victim) => victim.start()));
  await until('us', 15_000);
  for (const { name } of evaluators) await lab.untilSeen('us', name, 'serving');
  return finding;
}

const preparedQuery: Story = {
  fault: "all of a region's evaluators killed, seen by callers without our client",
  goal: 'the prepared query names another region within 2 s, and comes home',
  tell: (lab) => namedInstead(lab, '/v1/query/evaluation/execute'),
  mutant: {
    without: 'the prepared query',
    tell: (lab) => namedInstead(lab, '/v1/health/service/evaluation?passing=1'),
  },
};

async function losesRegion(lab: Lab, region: string, other: string, client: EvaluationClient): Promise<Finding> {
  const witness = `${region}-evaluation-1`;
  let named = 0;
  const report = await lab.load(client, async () => {
    await sleep(quietMs);
    await lab.mesh.killRegion(region);
    named = await lab.untilSeen(other, witness, 'not serving');
    await sleep(quietMs);
  });
  await lab.mesh.startRegion(region);
  const cleared = await lab.untilSeen(other, witness, 'serving');
  return both(judge(lab, report), seen(witness, named, cleared));
}

const regionKilled = (region: string, other: string, which: string): Story => ({
  fault: `the whole ${which} region killed, seen from its callers`,
  goal: zeroFailed,
  tell: (lab) => losesRegion(lab, region, other, lab.evaluation(region)),
  mutant: {
    without: 'the second tier',
    tell: (lab) => withOnly(lab, evaluatorsOf(lab, region), (client) => losesRegion(lab, region, other, client)),
  },
});

async function losesConsul(lab: Lab, client: EvaluationClient): Promise<Finding> {
  const consuls = ['us', 'eu'].map((region) => lab.mesh.process(`${region}-consul`));
  const evaluators = evaluatorsOf(lab, 'us');
  const report = await lab.load(client, async () => {
    await Promise.all(consuls.map((consul) => consul.kill()));
    await sleep(quietMs);
    await Promise.all(evaluators.map((victim) => victim.kill()));
    await sleep(2 * quietMs);
  });
  await Promise.all(consuls.map((consul) => consul.start()));
  await Promise.all(evaluators.map((victim) => victim.start()));
  for (const { name } of evaluators) await lab.untilSeen('us', name, 'serving');
  return judge(lab, report);
}

const consulDead: Story = {
  fault: 'Consul dead in all regions, then the local evaluators killed',
  goal: zeroFailed,
  tell: (lab) => losesConsul(lab, lab.evaluation('us')),
  mutant: {
    without: 'the second tier',
    tell: (lab) => withOnly(lab, evaluatorsOf(lab, 'us'), (client) => losesConsul(lab, client)),
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
];
