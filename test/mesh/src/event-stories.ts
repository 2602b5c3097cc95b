/** Regions die and are cut off while events come in; each of them must be counted once. */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { EvaluateRequest, Kind } from '@sluice/proto';
import { eventually } from '@sluice/testkit';
import { evaluatorsOf, judge, withEnv, withOnly } from './callers.js';
import { type EvaluationClient, type Lab, set } from './lab.js';
import { isNamed, nameOf, untilServing, withRemark } from './naming.js';
import { withOneShard } from './one-shard.js';
import { type Balance, balance, type EventTaker, Sender } from './senders.js';
import { allOf, both, callsOf, type Finding, type Story, type Told } from './story.js';

const catchUpMs = 30_000;

let stories = 0;
/** Events of each story have a name of their own. */
const newName = (): string => `story-${++stories}-${Date.now()}`;

function judgeEvents({ lost, double, stored, tookMs }: Balance, acked: number, goalMs: number): Finding {
  const measured = `${acked} acked, ${stored} stored, ${lost} lost, ${double} double, all there after ${(tookMs / 1_000).toFixed(1)} s`;
  return { measured, isMet: acked > 0 && lost === 0 && double === 0 && tookMs <= goalMs };
}

/** Senders in each region while something happens. */
function sending(lab: Lab, regions: readonly string[], during: () => Promise<void>, isPatient = true) {
  return sendingTo(
    regions.map((region) => lab.ingestion(region)),
    during,
    isPatient,
  );
}

async function sendingTo(takers: readonly EventTaker[], during: () => Promise<void>, isPatient = true) {
  const name = newName();
  const senders = takers.map((taker) => new Sender(taker, name, isPatient));
  try {
    await eventually(() => {
      if (senders.some(({ acked }) => acked.size === 0)) throw new Error('no event was acknowledged yet');
    });
    for (const sender of senders) sender.longestGapMs = 0;
    await during();
  } finally {
    await Promise.all(senders.map((sender) => sender.end()));
  }
  const acked = new Set(senders.flatMap((sender) => [...sender.acked]));
  return { name, acked, gapMs: Math.max(...senders.map(({ longestGapMs }) => longestGapMs)) };
}

async function losesRegion(lab: Lab, isPatient: boolean): Promise<Told> {
  const writer = lab.mesh.process('us-ingestion-1');
  let naming: Finding = { measured: 'nobody was told', isMet: false };
  const during = async (): Promise<void> => {
    await lab.pause();
    // Nobody writes while it is away: what eu takes stays in its log.
    await writer.kill();
    try {
      await lab.pause();
      naming = await isNamed(lab, 'us', {
        names: [...evaluatorsOf(lab, 'eu').map(nameOf), { kind: 'region', subject: 'eu', region: 'eu' }],
        inflict: () => lab.mesh.killRegion('eu'),
        endure: async () => {
          await writer.start();
          await lab.pause();
        },
        undo: () => lab.mesh.startRegion('eu'),
      });
    } finally {
      await writer.start();
    }
    await untilServing(lab, 'us', 'eu-evaluation-1');
  };
  const { name, acked } = await sending(lab, ['us', 'eu'], during, isPatient);
  const withinMs = isPatient ? catchUpMs : lostAfterMs;
  return { calls: judgeEvents(await balance(lab.mesh, name, acked, withinMs), acked.size, catchUpMs), naming };
}

/** What was never sent need not be waited for. */
const lostAfterMs = 5_000;

const otherRegion: Story = {
  fault: 'a region dies with events in its log, and comes back',
  goal: '0 lost, 0 double',
  tell: (lab) => allOf(losesRegion(lab, true)),
  mutant: { without: 'waiting for acknowledgements', tell: (lab) => callsOf(losesRegion(lab, false)) },
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

let changes = 0;

/** Changes a gate at home, to something that it never was, and answers with the revision. */
async function change({ mesh }: Lab): Promise<number> {
  const rollout = 30 + (changes++ % 60);
  const place = ['--project', set.project, '--environment', set.environment];
  const { code, stdout, stderr } = await mesh.sluice(
    ...['gate', 'set', 'express-checkout', '--rollout', String(rollout), ...place, '--json'],
  );
  if (code !== 0) throw new Error(stderr);
  return (JSON.parse(stdout) as { revision: number }).revision;
}

/** Milliseconds until every evaluator of a region answers by a revision, each asked by itself; infinite when it takes twice as long as it may. */
async function converged(lab: Lab, region: string, revision: number): Promise<number> {
  const startedMs = performance.now();
  const request = EvaluateRequest.fromPartial({
    set,
    keys: [{ kind: Kind.GATE, name: 'express-checkout' }],
    user: {},
    minRevision: revision,
    isExposureDisabled: true,
  });
  const answers = (client: EvaluationClient) =>
    eventually(() => client.evaluate(request, { timeoutMs: 500 }), { deadlineMs: 2 * convergeGoalMs, intervalMs: 50 });
  try {
    await Promise.all(evaluatorsOf(lab, region).map((evaluator) => withOnly(lab, [evaluator], answers)));
    return performance.now() - startedMs;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}

const drillCutMs = 30_000;

/** What a region that is cut off for a while finds once it is not: events of both and a change at home were made meanwhile. */
async function cutOff(lab: Lab, cutForMs: number): Promise<Told & { readonly rules: Finding }> {
  const { promise: over, resolve: end } = Promise.withResolvers<void>();
  // Callers who know nobody else: each region has to serve by itself.
  const loads = ['us', 'eu'].map((region) =>
    withOnly(lab, evaluatorsOf(lab, region), async (client) => judge(lab, await lab.load(client, () => over))),
  );
  let revision = 0;
  let converging: Promise<number> = Promise.resolve(Number.POSITIVE_INFINITY);
  try {
    const naming = await isNamed(lab, 'us', {
      names: [...evaluatorsOf(lab, 'eu').map(nameOf), { kind: 'region', subject: 'eu', region: 'eu' }],
      inflict: () => lab.mesh.cut('eu'),
      endure: async () => {
        await sleep(cutForMs / 2);
        revision = await change(lab);
        await sleep(cutForMs / 2);
      },
      undo: async () => {
        await lab.mesh.heal('eu');
        converging = converged(lab, 'eu', revision);
      },
    });
    const tookMs = await converging;
    end();
    const rules = {
      measured: `converged ${(tookMs / 1_000).toFixed(1)} s after`,
      isMet: tookMs <= lab.goal(convergeGoalMs),
    };
    return { calls: both(...(await Promise.all(loads))), rules, naming };
  } finally {
    end();
    await Promise.allSettled(loads);
  }
}

/** Cuts eu off while events come in at both ends. */
async function partitioned(lab: Lab, cutForMs: number): Promise<Told> {
  let told: Awaited<ReturnType<typeof cutOff>> | undefined;
  const { name, acked } = await sending(lab, ['us', 'eu'], async () => {
    told = await cutOff(lab, cutForMs);
  });
  const events = judgeEvents(await balance(lab.mesh, name, acked, catchUpMs), acked.size, lab.goal(convergeGoalMs));
  if (!told) throw new Error('nothing was cut off');
  return { calls: both(told.calls, told.rules, events), naming: told.naming };
}

/** With neither a stream to hear from nor anybody to ask, an evaluator goes on from its disk, and learns nothing. */
const deaf = { NATS_URL: 'nats://127.0.0.1:1', CONFIG_TARGET: 'static:///127.0.0.1:1' };
const shortCutMs = 3_000;

export const partitionFor = (cutForMs: number): Story => ({
  fault: `partition between regions for ${cutForMs / 1_000} s, then healed`,
  goal: 'both serve; converged <= 10 s after; 0 lost, 0 double; named <= 3 s',
  isNotRun: whyNoCut,
  tell: (lab) => allOf(partitioned(lab, cutForMs)),
  mutant: {
    without: 'the streams that evaluators catch up from',
    tell: (lab) => withEnv(evaluatorsOf(lab, 'eu'), deaf, async () => (await cutOff(lab, shortCutMs)).rules),
  },
});

const gapGoalMs = 500;
const nodes = ['nats-1', 'nats-2', 'nats-3'] as const;

/** Loses each server of NATS in turn, one of which leads, while somebody takes events; until the gap is too long. */
async function losesNodes(lab: Lab, taker: EventTaker): Promise<{ acked: Set<string>; name: string; gapMs: number }[]> {
  const sent = [];
  for (const node of nodes) {
    const server = lab.mesh.process(node);
    const during = async (): Promise<void> => {
      await lab.pause();
      await server.kill();
      await sleep(leaderWithinMs);
    };
    try {
      const one = await sendingTo([taker], during);
      sent.push(one);
      if (one.gapMs > gapGoalMs) return sent;
    } finally {
      await server.start();
      await sleep(settleMs);
    }
  }
  return sent;
}

/** A lost leader is replaced within this time, mostly. */
const leaderWithinMs = 5_000;
/** A server that came back has caught up by then. */
const settleMs = 2_000;

const longest = (sent: readonly { readonly gapMs: number }[]): Finding => {
  const gapMs = Math.max(...sent.map((one) => one.gapMs));
  return { measured: `longest gap ${gapMs.toFixed(0)} ms`, isMet: gapMs <= gapGoalMs };
};

async function losesLeader(lab: Lab): Promise<Finding> {
  const sent = await losesNodes(lab, lab.ingestion('us'));
  const balances: Balance[] = [];
  for (const { name, acked } of sent) balances.push(await balance(lab.mesh, name, acked, catchUpMs));
  const lost = balances.reduce((sum, one) => sum + one.lost, 0);
  const acked = sent.reduce((sum, one) => sum + one.acked.size, 0);
  const measured = `${acked} acked, ${lost} lost, each server killed in turn`;
  return both({ measured, isMet: acked > 0 && lost === 0 }, longest(sent));
}

/** For a mesh whose NATS has three servers. */
export const leaderLost: Story = {
  fault: 'NATS leader killed, of three servers',
  goal: '0 acked lost, longest ack gap <= 500 ms',
  tell: (lab) => withRemark(lab, () => losesLeader(lab)),
  mutant: {
    without: 'other shards to turn to',
    tell: (lab) => withOneShard(lab, async (taker) => longest(await losesNodes(lab, taker))),
  },
};

export const eventStories: readonly Story[] = [otherRegion, partitionFor(drillCutMs)];
