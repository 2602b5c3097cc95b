/** Strangers who mean harm, and one key that wants everything: everybody else must hardly notice. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { constants, setPriority } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  askHeavily,
  clientsOf,
  loadFor,
  makeKeys,
  noAdmission,
  type RawClient,
  unprotected,
  victim,
} from './heavy-calls.js';
import type { Lab } from './lab.js';
import { describeLoad } from './load.js';
import { withRemark } from './naming.js';
import { both, type Finding, type Story } from './story.js';

const goodPerSecond = 100;
const quietMs = 4_000;
const slowerGoal = 1.2;
const slowerInFloods = 2;
const mebibyte = 1024 * 1024;
const memoryGoal = 64 * mebibyte;
/** Garbage is collected when there is time: half a minute after the last call or so. */
const memoryBackMs = 60_000;

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

/** How a good caller fares before and while somebody floods; `look` finds out more, while the flood lasts. */
async function beside(
  lab: Lab,
  flood: () => Promise<ChildProcess>,
  slowerMax: number,
  look: () => readonly Finding[] = () => [],
): Promise<Finding> {
  const [key = ''] = await makeKeys(lab, 1);
  const clients = clientsOf(lab, [key]);
  const [client] = clients as [RawClient];
  const ask = () => askHeavily(client);
  try {
    await loadFor(quietMs, ask, goodPerSecond);
    const quiet = await loadFor(quietMs, ask, goodPerSecond);
    const child = await flood();
    try {
      const during = await loadFor(quietMs, ask, goodPerSecond);
      const slower = during.p99Ms / quiet.p99Ms;
      const measured = `${describeLoad(during)}, ${slower.toFixed(1)}× the ${quiet.p99Ms.toFixed(0)} ms before`;
      return both({ measured, isMet: during.failed === 0 && slower <= slowerMax }, ...look());
    } finally {
      await end(child);
    }
  } finally {
    client.close();
  }
}

const byOneKey: Story = {
  fault: 'a flood by one key, whose holder heeds nothing',
  goal: "0 of other keys' calls failed, their p99 <= 1.2×",
  tell: (lab) => withRemark(lab, () => floodByOneKey(lab)),
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

type Stranger = (typeof strangers)[number];

/** As many as may be in the middle of their preface, and a few more. */
const socketsGoal = 1_024 + 200;

function socketsHeld({ mesh }: Lab): Finding {
  const held = readdirSync(`/proc/${mesh.process(victim).pid}/fd`).length;
  return { measured: `${held} sockets held`, isMet: held <= socketsGoal };
}

async function strangeness(lab: Lab, what: Stranger): Promise<Finding> {
  const flood = () => startFlood(lab, what, 'a-stranger', 0);
  const finding = await beside(lab, flood, slowerInFloods, () => [socketsHeld(lab)]);
  return { ...finding, measured: `${what}: ${finding.measured}` };
}

/**
 * What holds each kind back. What holds the others back is a part of the code, takes longer to show than a
 * story lasts, or, as PINGs, harms little: `floods.test.ts` of the mesh shows what it is good for.
 */
const limitsOf: Partial<Record<Stranger, Record<string, string>>> = {
  'half prefaces': { SERVER_PREFACES_MAX: '0', SERVER_PREFACE_TIMEOUT_MS: '0' },
  'rapid reset': { SERVER_RESETS_PER_SECOND_MAX: '0' },
  headers: { SERVER_HEADER_BYTES_MAX: '0' },
  settings: { SERVER_CONTROL_FRAMES_PER_SECOND_MAX: '0' },
};

/** Each kind beside an evaluator without the limit that holds it back. Met when fault is found with none: all have to be seen. */
async function unlimited(lab: Lab): Promise<Finding> {
  const findings: Finding[] = [];
  for (const what of strangers) {
    const env = limitsOf[what];
    if (env) findings.push(await unprotected(lab, env, () => strangeness(lab, what)));
  }
  return { ...both(...findings), isMet: findings.some(({ isMet }) => isMet) };
}

const floods: Story = {
  fault: 'slow-loris, half prefaces, rapid reset, floods of headers, PINGs and SETTINGS, oversize messages',
  goal: "good callers' p99 <= 2×, none failed, sockets bounded, memory back, no crash",
  tell: (lab) => withRemark(lab, () => flooded(lab)),
  mutant: { without: 'the limit for each that has one', tell: unlimited },
};

async function flooded(lab: Lab): Promise<Finding> {
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
}

export const floodStories: readonly Story[] = [byOneKey, floods];
