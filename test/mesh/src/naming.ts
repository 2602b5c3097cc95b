/** What the health service says: how instances are, and what goes wrong, where, and why. */
import { type Client, createClient } from '@sluice/mesh';
import { HealthState, type Incident, MeshHealthServiceService } from '@sluice/proto';
import { eventually, type TestProcess } from '@sluice/testkit';
import type { Lab } from './lab.js';
import { both, type Finding } from './story.js';

/** A fault, as the health service has to name it: this, there, and with some cause. */
export interface FaultName {
  readonly kind: 'instance' | 'service' | 'region' | 'dependency' | 'probe' | 'watch';
  readonly subject: string;
  readonly region: string;
}

/** How the loss of a process is named: servers by what is missed, services by their instance. */
export function nameOf({ name, spec: { service, region = 'us' } }: TestProcess): FaultName {
  if (service === 'consul') return { kind: 'watch', subject: service, region };
  if (service === 'nats' || service === 'postgres') return { kind: 'dependency', subject: service, region };
  return { kind: 'instance', subject: name, region };
}

const wordsOf = ({ kind, subject, region }: FaultName): string =>
  kind === 'instance' ? subject : `${kind} ${subject} in ${region}`;

const timeoutMs = 2_000;
const intervalMs = 50;
/** What takes longer was not named, or not cleared. */
const patienceMs = 20_000;
const goalMs = 3_000;

type HealthClient = Client<MeshHealthServiceService>;

async function asking<T>({ mesh }: Lab, from: string, use: (client: HealthClient) => Promise<T>): Promise<T> {
  const health = mesh.processesOf(from).find(({ spec }) => spec.service === 'health');
  if (!health) throw new Error(`${from} has no health service`);
  const client = createClient(MeshHealthServiceService, { target: `static:///${health.address}`, key: mesh.meshKey });
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

async function incidents(client: HealthClient, isOpenOnly: boolean): Promise<readonly Incident[]> {
  return (await client.getIncidents({ isOpenOnly, limit: 1_000, region: '' }, { timeoutMs })).incidents;
}

const names = (incident: Incident, { kind, subject, region }: FaultName): boolean =>
  incident.kind === kind && incident.subject === subject && incident.region === region && incident.cause !== '';

interface Wait {
  /** How long it took; infinite when it did not come to that. */
  readonly tookMs: number;
  /** Faults of which it did not come true. */
  readonly others: readonly FaultName[];
}

/** Waits until the health service of a region has an open incident for each fault, or for none of them. */
async function untilAll(lab: Lab, from: string, faults: readonly FaultName[], isOpen: boolean): Promise<Wait> {
  const startedMs = performance.now();
  let others = faults;
  const look = (client: HealthClient) => async (): Promise<boolean> => {
    const open = await incidents(client, true);
    others = faults.filter((fault) => open.some((incident) => names(incident, fault)) !== isOpen);
    return others.length === 0;
  };
  try {
    await asking(lab, from, (client) => eventually(look(client), { deadlineMs: patienceMs, intervalMs }));
    return { tookMs: performance.now() - startedMs, others };
  } catch {
    return { tookMs: Number.POSITIVE_INFINITY, others };
  }
}

/** Harm that can be undone. */
export interface Harm {
  readonly names: readonly FaultName[];
  inflict(): Promise<void>;
  /** Once it was named, or was not. */
  endure?(): Promise<void>;
  /** Called in any case. */
  undo(): Promise<void>;
}

/** Whether the health service of a region names harm while it lasts, all of it, and clears it after. */
export async function isNamed(
  lab: Lab,
  from: string,
  { names: faults, inflict, endure, undo }: Harm,
): Promise<Finding> {
  // An incident of an earlier fault would name this one at once.
  const before = await untilAll(lab, from, faults, false);
  if (before.others.length > 0) throw new Error(`not cleared from before: ${before.others.map(wordsOf).join(', ')}`);
  const startedMs = performance.now();
  let named: Wait = { tookMs: Number.POSITIVE_INFINITY, others: faults };
  try {
    await inflict();
    const inflictedMs = performance.now() - startedMs;
    named = await untilAll(lab, from, faults, true);
    named = { ...named, tookMs: named.tookMs + inflictedMs };
    await endure?.();
  } finally {
    await undo();
  }
  const cleared = await untilAll(lab, from, faults, false);
  const what = faults.map(wordsOf).join(', ');
  const measured = `${what}: ${inWords('named', named)}, ${inWords('cleared', cleared)}`;
  return { measured, isMet: named.tookMs <= lab.goal(goalMs) && cleared.others.length === 0 };
}

const inWords = (verb: string, { tookMs, others }: Wait): string =>
  others.length === 0
    ? `${verb} after ${(tookMs / 1_000).toFixed(1)} s`
    : `NOT ${verb} within ${patienceMs / 1_000} s: ${others.map(wordsOf).join(', ')}`;

/** Waits until the health service of a region sees an instance serve, in the region where it belongs. */
export async function untilServing(lab: Lab, from: string, name: string): Promise<void> {
  const { region } = lab.mesh.process(name).spec;
  await asking(lab, from, (client) =>
    eventually(
      async () => {
        const { instances } = await client.getMesh({}, { timeoutMs });
        const found = instances.find((one) => one.instance === name && one.region === region);
        if (found?.state !== HealthState.SERVING) throw new Error(`${name} is ${found?.state}: ${found?.cause}`);
      },
      { deadlineMs: patienceMs, intervalMs },
    ),
  );
}

/** What the health service of a region named since then, in a few words; objectives, which every fault may hurt, left out. */
async function namedSince(lab: Lab, from: string, sinceMs: number): Promise<string[]> {
  const all = await asking(lab, from, (client) => incidents(client, false));
  return all
    .filter(({ kind, startedAtMs }) => kind !== 'slo' && startedAtMs >= sinceMs)
    .map(({ kind, subject, region, cause }) => `${kind} ${subject} in ${region} (${cause})`);
}

/** For what the health service has no name for: what is found, and what it said, which is not judged. */
export async function withRemark(lab: Lab, tell: () => Promise<Finding>): Promise<Finding> {
  const sinceMs = Date.now();
  const finding = await tell();
  const named = await namedSince(lab, 'us', sinceMs);
  return both(finding, { measured: `health names ${named.join(', ') || 'nothing'}`, isMet: true });
}
