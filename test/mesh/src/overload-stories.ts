/** More than an evaluator can do, and strangers who mean harm: everybody else must hardly notice. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, createClient } from '@sluice/mesh';
import { EvaluateRequest, EvaluationServiceService, Kind } from '@sluice/proto';
import { type Lab, set } from './lab.js';
import { describeLoad, type LoadReport, OpenLoop } from './load.js';
import { both, type Finding, type Story } from './story.js';

const callTimeoutMs = 2_000;
/** So heavy that ten times what an evaluator can do can be offered by a neighbour on a small machine. */
const decisionsEach = 1_000;
const lanes = 8;
const capacityMs = 3_000;
const overload = 10;
const overloadMs = 5_000;
const goodputGoal = 0.8;
const recoveryMs = 2_000;
const goodPerSecond = 100;
const quietMs = 4_000;
const slowerGoal = 1.2;
const slowerInFloods = 2;
const mebibyte = 1024 * 1024;
const memoryGoal = 64 * mebibyte;
/** Garbage is collected when there is time: half a minute after the last call or so. */
const memoryBackMs = 60_000;

const heavy = Buffer.from(
  EvaluateRequest.encode(
    EvaluateRequest.fromPartial({
      set,
      keys: Array.from({ length: decisionsEach }, () => ({ kind: Kind.GATE, name: 'express-checkout' })),
      user: { userId: 'ada' },
      isExposureDisabled: true,
    }),
  ).finish(),
);

/** Requests that were encoded before, and answers that nobody decodes: a neighbour must not be the slower one. */
const rawEvaluation = {
  evaluate: {
    ...EvaluationServiceService.evaluate,
    requestSerialize: (bytes: Buffer): Buffer => bytes,
    responseDeserialize: (bytes: Buffer): Buffer => bytes,
  },
};

type RawClient = Client<typeof rawEvaluation>;

const victim = 'us-evaluation-1';

/** Clients of one evaluator, with this key each. */
function clientsOf({ mesh }: Lab, keys: readonly string[]): RawClient[] {
  const target = `static:///${mesh.process(victim).address}`;
  return keys.map((key) => createClient(rawEvaluation, { target, key }));
}

const askHeavily = async (client: RawClient): Promise<boolean> => {
  await client.evaluate(heavy, { timeoutMs: callTimeoutMs });
  return false;
};

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

async function loadFor(ms: number, ask: () => Promise<boolean>, perSecond: number): Promise<LoadReport> {
  const loop = new OpenLoop(ask, perSecond);
  await sleep(ms);
  return loop.end();
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
    const startedMs = performance.now();
    const during = await loadFor(overloadMs, ask, overload * capacity);
    const goodput = ((during.calls - during.failed) * 1_000) / (performance.now() - startedMs);
    await loadFor(recoveryMs, ask, capacity / 4);
    const after = await loadFor(1_000, ask, capacity / 4);
    const share = goodput / capacity;
    const offered = during.calls / (overloadMs / 1_000) / capacity;
    return both(
      {
        measured: `goodput ${share.toFixed(2)} of ${capacity.toFixed(0)} calls/s (${decisionsEach} decisions each), ${offered.toFixed(1)}× offered`,
        isMet: share >= goodputGoal,
      },
      { measured: `from 2 s after it on ${describeLoad(after)}`, isMet: after.failed === 0 },
    );
  } finally {
    for (const client of clients) client.close();
  }
}

async function makeKeys({ mesh }: Lab, count: number): Promise<string[]> {
  const keys: string[] = [];
  for (let at = 0; at < count; at++) {
    const place = ['--project', set.project, '--environment', set.environment, '--json'];
    const label = `overload-${process.pid}-${at}`;
    const { code, stdout, stderr } = await mesh.sluice(
      'key',
      'create',
      '--class',
      'server',
      '--label',
      label,
      ...place,
    );
    if (code !== 0) throw new Error(`no key can be made: ${stderr}`);
    keys.push((JSON.parse(stdout) as { secret: string }).secret);
  }
  return keys;
}

/** The same beside an evaluator that lets everything in. */
async function unprotected(lab: Lab, env: Record<string, string>, tell: () => Promise<Finding>): Promise<Finding> {
  const evaluator = lab.mesh.process(victim);
  await evaluator.restart(env);
  try {
    return await tell();
  } finally {
    await evaluator.kill();
    await evaluator.start();
    await lab.untilSeen('us', victim, 'serving');
  }
}

const noAdmission = { SERVER_IN_FLIGHT_MAX: '0' };

const byAll: Story = {
  fault: 'ten times what an evaluator can do, asked by all',
  goal: 'goodput >= 80 % of peak, recovered <= 2 s after',
  tell: async (lab) => overloaded(lab, await makeKeys(lab, 4)),
  mutant: {
    without: 'shedding',
    tell: (lab) => unprotected(lab, noAdmission, async () => overloaded(lab, await makeKeys(lab, 4))),
  },
};

/** Floods in a process of its own, which gives way to all others: strangers have machines of their own, too. */
async function startFlood(lab: Lab, what: string, key: string, perSecond: number): Promise<ChildProcess> {
  const [host = '', port = ''] = lab.mesh.process(victim).address.split(':');
  const child = fork(new URL('./flood-process.js', import.meta.url), [what, host, port, key, String(perSecond)]);
  setPriority(child.pid ?? 0, constants.priority.PRIORITY_LOW);
  await once(child, 'message');
  return child;
}

async function end(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** How a good caller fares before and while somebody floods. */
async function beside(lab: Lab, flood: () => Promise<ChildProcess>, slowerMax: number): Promise<Finding> {
  const [key = ''] = await makeKeys(lab, 1);
  const clients = clientsOf(lab, [key]);
  const [client] = clients as [RawClient];
  const ask = () => askHeavily(client);
  try {
    await loadFor(quietMs, ask, goodPerSecond);
    const quiet = await loadFor(quietMs, ask, goodPerSecond);
    const child = await flood();
    const during = await loadFor(quietMs, ask, goodPerSecond);
    await end(child);
    const slower = during.p99Ms / quiet.p99Ms;
    const measured = `${describeLoad(during)}, ${slower.toFixed(1)}× the ${quiet.p99Ms.toFixed(0)} ms before`;
    return { measured, isMet: during.failed === 0 && slower <= slowerMax };
  } finally {
    client.close();
  }
}

const byOneKey: Story = {
  fault: 'a flood by one key, whose holder heeds nothing',
  goal: "0 of other keys' calls failed, their p99 <= 1.2×",
  tell: floodByOneKey,
  mutant: {
    without: 'shedding',
    tell: (lab) => unprotected(lab, noAdmission, () => floodByOneKey(lab)),
  },
};

async function floodByOneKey(lab: Lab): Promise<Finding> {
  const [key = ''] = await makeKeys(lab, 1);
  return beside(lab, () => startFlood(lab, 'calls', key, 10_000), slowerGoal);
}

/** Good calls make it hold some memory for good. */
async function warmUp(lab: Lab): Promise<void> {
  const [client] = clientsOf(lab, await makeKeys(lab, 1)) as [RawClient];
  await loadFor(2 * quietMs, () => askHeavily(client), goodPerSecond);
  client.close();
}

function residentBytes({ mesh }: Lab): number {
  const { pid } = mesh.process(victim);
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
}

/** Kinds of strangers, one after the other. */
const strangers = ['slow-loris', 'half prefaces', 'rapid reset', 'headers', 'pings', 'settings', 'oversize'] as const;

async function strangeness(lab: Lab, what: (typeof strangers)[number]): Promise<Finding> {
  const finding = await beside(lab, () => startFlood(lab, what, 'a-stranger', 0), slowerInFloods);
  return { ...finding, measured: `${what}: ${finding.measured}` };
}

const noFrameLimits = { SERVER_CONTROL_FRAMES_PER_SECOND_MAX: '0', SERVER_RESETS_PER_SECOND_MAX: '0' };

const floods: Story = {
  fault: 'slow-loris, half prefaces, rapid reset, floods of headers, PINGs and SETTINGS, oversize messages',
  goal: "good callers' p99 <= 2×, none failed, memory back, no crash",
  tell: async (lab) => {
    const { pid } = lab.mesh.process(victim);
    await warmUp(lab);
    const before = residentBytes(lab);
    const findings: Finding[] = [];
    for (const what of strangers) {
      findings.push(await strangeness(lab, what));
    }
    const untilMs = performance.now() + memoryBackMs;
    while (residentBytes(lab) - before >= memoryGoal && performance.now() < untilMs) await sleep(200);
    const grown = residentBytes(lab) - before;
    return both(
      ...findings,
      { measured: `${Math.round(grown / mebibyte)} MiB more held`, isMet: grown < memoryGoal },
      { measured: 'the same process', isMet: lab.mesh.process(victim).pid === pid },
    );
  },
  mutant: {
    without: 'limits for control frames',
    tell: (lab) =>
      unprotected(lab, noFrameLimits, async () =>
        both(await strangeness(lab, 'settings'), await strangeness(lab, 'rapid reset')),
      ),
  },
};

export const overloadStories: readonly Story[] = [byAll, byOneKey, floods];
