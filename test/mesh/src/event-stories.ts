/** Regions die and are cut off while events come in; each of them must be counted once. */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { EvaluateRequest, Kind } from '@sluice/proto';
import { eventually } from '@sluice/testkit';
import { evaluatorsOf, withOnly } from './callers.js';
import { ask, type EvaluationClient, type Lab, set } from './lab.js';
import { describeLoad } from './load.js';
import { type Balance, balance, Sender } from './senders.js';
import { both, type Finding, type Story } from './story.js';

const catchUpMs = 30_000;

let stories = 0;
/** Events of each story have a name of their own. */
const newName = (): string => `story-${++stories}-${Date.now()}`;

function judgeEvents({ lost, double, stored, tookMs }: Balance, acked: number, goalMs: number): Finding {
  const measured = `${acked} acked, ${stored} stored, ${lost} lost, ${double} double, all there after ${(tookMs / 1_000).toFixed(1)} s`;
  return { measured, isMet: acked > 0 && lost === 0 && double === 0 && tookMs <= goalMs };
}

/** Senders in each region while something happens. */
async function sending(lab: Lab, regions: readonly string[], during: () => Promise<void>, isPatient = true) {
  const name = newName();
  const senders = regions.map((region) => new Sender(lab.ingestion(region), name, isPatient));
  await eventually(() => {
    if (senders.some(({ acked }) => acked.size === 0)) throw new Error('no event was acknowledged yet');
  });
  for (const sender of senders) sender.longestGapMs = 0;
  await during();
  await Promise.all(senders.map((sender) => sender.end()));
  const acked = new Set(senders.flatMap((sender) => [...sender.acked]));
  return { name, acked, gapMs: Math.max(...senders.map(({ longestGapMs }) => longestGapMs)) };
}

async function losesRegion(lab: Lab, isPatient: boolean): Promise<Finding> {
  const during = async (): Promise<void> => {
    await sleep(500);
    // Nobody writes from here on: what eu takes stays in its log.
    await lab.mesh.process('us-ingestion-1').kill();
    await sleep(1_000);
    await lab.mesh.killRegion('eu');
    await lab.mesh.process('us-ingestion-1').start();
    await sleep(500);
    // A caller there, who knows nobody else, gets its answers again.
    await lab.mesh.startRegion('eu');
    await lab.untilSeen('us', 'eu-evaluation-1', 'serving');
  };
  const { name, acked } = await sending(lab, ['us', 'eu'], during, isPatient);
  const withinMs = isPatient ? catchUpMs : lostAfterMs;
  return judgeEvents(await balance(lab.mesh, name, acked, withinMs), acked.size, catchUpMs);
}

/** What was never sent need not be waited for. */
const lostAfterMs = 5_000;

const otherRegion: Story = {
  fault: 'a region dies with events in its log, and comes back',
  goal: '0 lost, 0 double',
  tell: (lab) => losesRegion(lab, true),
  mutant: { without: 'waiting for acknowledgements', tell: (lab) => losesRegion(lab, false) },
};

/** Why regions can't be cut off from each other here. */
function whyNoCut(): string | undefined {
  if (process.getuid?.() !== 0) return 'only root can cut regions off';
  const env = { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };
  const { error, status } = spawnSync('nft', ['list', 'tables'], { env, timeout: 5_000 });
  if (error) return 'the nft command is missing (apt-get install nftables)';
  return status === 0 ? undefined : 'nft may not change the firewall here';
}

const convergeGoalMs = 10_000;

/** Changes a gate at home, and answers with the revision. */
async function change({ mesh }: Lab, rollout: number): Promise<number> {
  const place = ['--project', set.project, '--environment', set.environment];
  const { code, stdout, stderr } = await mesh.sluice(
    ...['gate', 'set', 'express-checkout', '--rollout', String(rollout), ...place, '--json'],
  );
  if (code !== 0) throw new Error(stderr);
  return (JSON.parse(stdout) as { revision: number }).revision;
}

/** Waits until every evaluator of a region answers by a revision: others, who could be asked as well, say nothing of it. */
async function converged(lab: Lab, region: string, revision: number, withinMs = 2 * convergeGoalMs): Promise<void> {
  const request = EvaluateRequest.fromPartial({
    set,
    keys: [{ kind: Kind.GATE, name: 'express-checkout' }],
    user: {},
    minRevision: revision,
    isExposureDisabled: true,
  });
  const answers = (client: EvaluationClient) =>
    eventually(() => client.evaluate(request, { timeoutMs: 500 }), { deadlineMs: withinMs, intervalMs: 50 });
  await Promise.all(evaluatorsOf(lab, region).map((evaluator) => withOnly(lab, [evaluator], answers)));
}

const drillCutMs = 30_000;

export const partitionFor = (cutForMs: number): Story => ({
  fault: `partition between regions for ${cutForMs / 1_000} s, then healed`,
  goal: 'both serve; converged <= 10 s after; 0 lost, 0 double',
  isNotRun: whyNoCut,
  tell: async (lab) => {
    let revision = 0;
    let convergedMs = 0;
    const reports: Finding[] = [];
    const { name, acked } = await sending(lab, ['us', 'eu'], async () => {
      const [home, away] = [lab.evaluation('us'), lab.evaluation('eu')];
      const cutOff = async (): Promise<void> => {
        await lab.mesh.cut('eu');
        await sleep(cutForMs / 2);
        revision = await change(lab, 31);
        await sleep(cutForMs / 2);
        await lab.mesh.heal('eu');
      };
      const { promise: over, resolve } = Promise.withResolvers<void>();
      const loads = [lab.load(home, () => over), lab.load(away, () => over)];
      await cutOff();
      const healedMs = performance.now();
      await converged(lab, 'eu', revision);
      convergedMs = performance.now() - healedMs;
      resolve();
      for (const [index, load] of (await Promise.all(loads)).entries()) {
        reports.push({ measured: `${index === 0 ? 'us' : 'eu'}: ${describeLoad(load)}`, isMet: load.failed === 0 });
      }
    });
    const events = judgeEvents(await balance(lab.mesh, name, acked, catchUpMs), acked.size, convergeGoalMs);
    const rules = `converged ${(convergedMs / 1_000).toFixed(1)} s after`;
    return both(...reports, { measured: rules, isMet: convergedMs <= convergeGoalMs }, events);
  },
  mutant: {
    without: 'the heal',
    tell: async (lab) => {
      await lab.mesh.cut('eu');
      const revision = await change(lab, 32);
      const problem = await converged(lab, 'eu', revision, 2_000).then(() => undefined, String);
      await lab.mesh.heal('eu');
      await converged(lab, 'eu', revision);
      return { measured: problem ?? 'converged', isMet: problem === undefined };
    },
  },
});

const gapGoalMs = 500;

/** For a mesh whose NATS has three servers. */
export const leaderLost: Story = {
  fault: 'NATS leader killed, of three servers',
  goal: '0 acked lost, longest ack gap <= 500 ms',
  tell: async (lab) => {
    let gapMs = 0;
    let all = { name: '', acked: new Set<string>() };
    for (const node of ['nats-1', 'nats-2', 'nats-3']) {
      const server = lab.mesh.process(node);
      const sent = await sending(lab, ['us'], async () => {
        await sleep(500);
        await server.kill();
        await sleep(4_000);
      });
      await server.start();
      await sleep(2_000);
      gapMs = Math.max(gapMs, sent.gapMs);
      const { lost } = await balance(lab.mesh, sent.name, sent.acked, catchUpMs);
      if (lost > 0) return { measured: `${lost} lost with ${node}`, isMet: false };
      all = { name: sent.name, acked: new Set([...all.acked, ...sent.acked]) };
    }
    const client = lab.evaluation('us');
    await ask(client);
    const measured = `${all.acked.size} acked, 0 lost, longest gap ${gapMs.toFixed(0)} ms with each server in turn`;
    return { measured, isMet: gapMs <= gapGoalMs };
  },
  mutant: {
    without: 'anybody who passes the shard over, as ingestion hangs for a second,',
    tell: async (lab) => {
      const ingestion = lab.mesh.process('ingestion-1');
      const { gapMs } = await sending(lab, ['us'], async () => {
        ingestion.signal('SIGSTOP');
        await sleep(2 * gapGoalMs);
        ingestion.signal('SIGCONT');
        await sleep(gapGoalMs);
      });
      return { measured: `longest gap ${gapMs.toFixed(0)} ms`, isMet: gapMs <= gapGoalMs };
    },
  },
};

export const eventStories: readonly Story[] = [otherRegion, partitionFor(drillCutMs)];
