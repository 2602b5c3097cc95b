/** Calls to one evaluator that are so heavy that a neighbour on a small machine can overload it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { type Client, createClient } from '@sluice/mesh';
import { EvaluateRequest, EvaluationServiceService, Kind } from '@sluice/proto';
import { type Lab, set } from './lab.js';
import { type LoadReport, OpenLoop } from './load.js';
import { untilServing } from './naming.js';
import type { Finding } from './story.js';

const callTimeoutMs = 2_000;
export const decisionsEach = 1_000;

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

export type RawClient = Client<typeof rawEvaluation>;

export const victim = 'us-evaluation-1';

/** Clients of one evaluator, with this key each. */
export function clientsOf({ mesh }: Lab, keys: readonly string[]): RawClient[] {
  const target = `static:///${mesh.process(victim).address}`;
  return keys.map((key) => createClient(rawEvaluation, { target, key }));
}

export const askHeavily = async (client: RawClient): Promise<boolean> => {
  await client.evaluate(heavy, { timeoutMs: callTimeoutMs });
  return false;
};

export async function loadFor(ms: number, ask: () => Promise<boolean>, perSecond: number): Promise<LoadReport> {
  const loop = new OpenLoop(ask, perSecond);
  await sleep(ms);
  return loop.end();
}

export async function makeKeys({ mesh }: Lab, count: number): Promise<string[]> {
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
export async function unprotected(
  lab: Lab,
  env: Record<string, string>,
  tell: () => Promise<Finding>,
): Promise<Finding> {
  const evaluator = lab.mesh.process(victim);
  await evaluator.restart(env);
  try {
    return await tell();
  } finally {
    // It may be too busy to stop when it is asked to.
    await evaluator.kill();
    await evaluator.start();
    await untilServing(lab, 'us', victim);
  }
}

/** No call waits for its turn, and none is turned away. */
export const noAdmission = { SERVER_IN_FLIGHT_MAX: '0' };
