/** Evaluators, regions and Consul die; callers must not notice. */
import { eventually, type TestProcess } from '@sluice/testkit';
import { evaluatorsOf, judge, withOnly } from './callers.js';
import type { EvaluationClient, Lab } from './lab.js';
import { type FaultName, isNamed, nameOf, untilServing, withRemark } from './naming.js';
import { allOf, both, callsOf, type Finding, type Story, type Told } from './story.js';

const zeroFailed = '0 failed, p99 <= 150 ms, named <= 3 s';

/** Load on a region while some processes are killed and come back. */
async function killed(
  lab: Lab,
  client: EvaluationClient,
  victims: readonly TestProcess[],
  names: readonly FaultName[],
): Promise<Told> {
  let naming = notTold;
  const report = await lab.load(client, async () => {
    await lab.pause();
    naming = await isNamed(lab, 'us', {
      names,
      inflict: async () => void (await Promise.all(victims.map((victim) => victim.kill()))),
      undo: async () => void (await Promise.all(victims.map((victim) => victim.start()))),
    });
    await lab.pause();
  });
  return { calls: judge(lab, report), naming };
}

const notTold: Finding = { measured: 'nobody was told', isMet: false };

const evaluatorKilled: Story = {
  fault: 'evaluator kill -9',
  goal: zeroFailed,
  tell: (lab) => {
    const victim = lab.random.pick(evaluatorsOf(lab, 'us'));
    return allOf(killed(lab, lab.evaluation('us'), [victim], [nameOf(victim)]));
  },
  mutant: {
    without: 'a second evaluator to turn to',
    tell: (lab) => {
      const victim = lab.random.pick(evaluatorsOf(lab, 'us'));
      return withOnly(lab, [victim], (client) => callsOf(killed(lab, client, [victim], [nameOf(victim)])));
    },
  },
};

async function restartAll(lab: Lab, client: EvaluationClient): Promise<Finding> {
  const report = await lab.load(client, async () => {
    for (const evaluator of evaluatorsOf(lab, 'us')) {
      await evaluator.restart();
      await untilServing(lab, 'us', evaluator.name);
    }
  });
  return judge(lab, report);
}

const rollingRestart: Story = {
  fault: 'rolling restart of the evaluators of a region',
  goal: '0 failed, p99 <= 150 ms',
  tell: (lab) => withRemark(lab, () => restartAll(lab, lab.evaluation('us'))),
  mutant: {
    without: 'a second evaluator to turn to',
    tell: (lab) => withOnly(lab, evaluatorsOf(lab, 'us').slice(0, 1), (client) => restartAll(lab, client)),
  },
};

/** Callers are answered elsewhere, and the probe, who asks nobody else, says that this region does not answer. */
const namesOfAll = (victims: readonly TestProcess[]): FaultName[] => [
  ...victims.map(nameOf),
  { kind: 'service', subject: 'evaluation', region: 'us' },
  { kind: 'probe', subject: 'evaluate', region: 'us' },
];

const allEvaluators: Story = {
  fault: "all of a region's evaluators killed",
  goal: zeroFailed,
  tell: (lab) => {
    const victims = evaluatorsOf(lab, 'us');
    return allOf(killed(lab, lab.evaluation('us'), victims, namesOfAll(victims)));
  },
  mutant: {
    without: 'the second tier',
    tell: (lab) => {
      const victims = evaluatorsOf(lab, 'us');
      return withOnly(lab, victims, (client) => callsOf(killed(lab, client, victims, namesOfAll(victims))));
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
  try {
    await Promise.all(evaluators.map((victim) => victim.kill()));
    const startedMs = performance.now();
    return await until('eu', queryGoalMs).then(
      () => ({ measured: `eu named after ${(performance.now() - startedMs).toFixed(0)} ms`, isMet: true }),
      (error: unknown) => ({ measured: String(error), isMet: false }),
    );
  } finally {
    await Promise.all(evaluators.map((victim) => victim.start()));
    await until('us', 15_000);
    for (const { name } of evaluators) await untilServing(lab, 'us', name);
  }
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

async function losesRegion(lab: Lab, region: string, other: string, client: EvaluationClient): Promise<Told> {
  const loop = await lab.startLoad(client);
  try {
    await lab.pause();
    const naming = await isNamed(lab, other, {
      names: [...evaluatorsOf(lab, region).map(nameOf), { kind: 'region', subject: region, region }],
      inflict: () => lab.mesh.killRegion(region),
      endure: async () => {
        await lab.pause();
        // A region that starts takes both cores, which the others would not share with it in earnest.
        await loop.end();
      },
      undo: () => lab.mesh.startRegion(region),
    });
    return { calls: judge(lab, await loop.end()), naming };
  } finally {
    await loop.end();
  }
}

const regionKilled = (region: string, other: string, which: string): Story => ({
  fault: `the whole ${which} region killed, seen from its callers`,
  goal: zeroFailed,
  tell: (lab) => allOf(losesRegion(lab, region, other, lab.evaluation(region))),
  mutant: {
    without: 'the second tier',
    tell: (lab) =>
      withOnly(lab, evaluatorsOf(lab, region), (client) => callsOf(losesRegion(lab, region, other, client))),
  },
});

/** Consul everywhere first, then the local evaluators: nobody can say where others are, and the probe says that nobody answers. */
async function losesConsul(lab: Lab, client: EvaluationClient): Promise<Told> {
  const consuls = ['us', 'eu'].map((region) => lab.mesh.process(`${region}-consul`));
  const evaluators = evaluatorsOf(lab, 'us');
  const loop = await lab.startLoad(client);
  let second = notTold;
  try {
    const first = await isNamed(lab, 'us', {
      names: consuls.map(nameOf).slice(0, 1),
      inflict: async () => void (await Promise.all(consuls.map((one) => one.kill()))),
      endure: async () => {
        await lab.pause();
        second = await isNamed(lab, 'us', {
          names: [{ kind: 'probe', subject: 'evaluate', region: 'us' }],
          inflict: async () => void (await Promise.all(evaluators.map((victim) => victim.kill()))),
          endure: async () => {
            await lab.pause();
            await loop.end();
          },
          undo: async () => void (await Promise.all(evaluators.map((victim) => victim.start()))),
        });
      },
      undo: async () => void (await Promise.all(consuls.map((one) => one.start()))),
    });
    for (const { name } of evaluators) await untilServing(lab, 'us', name);
    return { calls: judge(lab, await loop.end()), naming: both(first, second) };
  } finally {
    await loop.end();
  }
}

const consulDead: Story = {
  fault: 'Consul dead in all regions, then the local evaluators killed',
  goal: zeroFailed,
  tell: (lab) => allOf(losesConsul(lab, lab.evaluation('us'))),
  mutant: {
    without: 'the second tier',
    tell: (lab) => withOnly(lab, evaluatorsOf(lab, 'us'), (client) => callsOf(losesConsul(lab, client))),
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
