/** Two regions under load, and somebody in each who asks. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type Client, createClient } from '@sluice/mesh';
import {
  EvaluateRequest,
  EvaluationServiceService,
  IngestionServiceService,
  Kind,
  LedgerServiceService,
  Reason,
} from '@sluice/proto';
import { eventually, type RegionsMesh, type RegionsOptions, startRegions } from '@sluice/testkit';
import { Random } from '../../differential/dist/random.js';
import { type LoadReport, OpenLoop } from './load.js';

export const set = { project: 'storefront', environment: 'development' };
const exampleFile = fileURLToPath(new URL('../../../examples/storefront.yaml', import.meta.url));
/** Far more than an evaluation takes; what hangs for longer has failed. */
const callTimeoutMs = 2_000;
const perSecond = 200;

export type EvaluationClient = Client<EvaluationServiceService>;

export interface LabOptions extends RegionsOptions {
  /** How many times longer than stated goals in time may take: more than once where other work shares the machine. */
  readonly patience: number;
  /** Decides who is harmed, and when. */
  readonly seed: number;
}

export interface Lab {
  /** What a goal in time, in milliseconds, amounts to here. */
  goal(ms: number): number;
  /** Of the seed: picks victims. */
  readonly random: Random;
  /** A quiet while, as long as the seed says, around half a second. */
  pause(): Promise<void>;
  readonly mesh: RegionsMesh;
  /** A folder of its own for what a client keeps on disk. */
  folder(name: string): string;
  /** Asks as a backend of this region does; the same one in all stories. */
  evaluation(region: string): EvaluationClient;
  ingestion(region: string): Client<IngestionServiceService>;
  ledger(region: string): Client<LedgerServiceService>;
  /** Open-loop evaluations of a gate through a client while `during` runs. */
  load(client: EvaluationClient, during: () => Promise<void>): Promise<LoadReport>;
  /** The same, until somebody ends it. */
  startLoad(client: EvaluationClient): Promise<OpenLoop>;
  close(): Promise<void>;
}

const pauseMs = 500;

export async function openLab({ patience, seed, ...options }: LabOptions): Promise<Lab> {
  const random = new Random(seed);
  const mesh = await startRegions(options);
  const root = await mkdtemp(join(tmpdir(), 'sluice-lab-'));
  const clients: { close(): void }[] = [];
  const keep = <C extends { close(): void }>(client: C): C => {
    clients.push(client);
    return client;
  };
  const evaluations = new Map<string, EvaluationClient>();
  const folder = (name: string): string => join(root, name);
  const startLoad = async (client: EvaluationClient): Promise<OpenLoop> => {
    await ready(client);
    return new OpenLoop(() => ask(client), perSecond);
  };
  const reach = (service: string, region: string) => ({
    target: `consul:///${service}`,
    consulAddr: mesh.consulAddr(region),
    region,
    endpointsDir: folder(`${region}-endpoints`),
    key: mesh.rootKey,
  });
  const close = async (): Promise<void> => {
    for (const client of clients) client.close();
    await mesh.stop();
    await rm(root, { recursive: true, force: true });
  };
  try {
    await loadExample(mesh);
    return {
      goal: (ms) => patience * ms,
      random,
      pause: () => sleep(pauseMs * (0.5 + random.next())),
      mesh,
      folder,
      evaluation: (region) => {
        const known = evaluations.get(region);
        if (known) return known;
        const made = keep(createClient(EvaluationServiceService, reach('evaluation', region)));
        evaluations.set(region, made);
        return made;
      },
      ingestion: (region) => keep(createClient(IngestionServiceService, reach('ingestion', region))),
      ledger: (region) => keep(createClient(LedgerServiceService, reach('ingestion', region))),
      load: async (client, during) => {
        const loop = await startLoad(client);
        await during().finally(() => loop.end());
        return loop.end();
      },
      startLoad,
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function loadExample(mesh: RegionsMesh): Promise<void> {
  const place = ['--project', set.project, '--environment', set.environment];
  const { code, stderr } = await mesh.sluice('apply', exampleFile, ...place);
  if (code !== 0) throw new Error(`the example can't be loaded: ${stderr}`);
}

const request = EvaluateRequest.fromPartial({
  set,
  keys: [{ kind: Kind.GATE, name: 'express-checkout' }],
  user: { userId: 'ada' },
  isExposureDisabled: true,
});

/** @returns whether the answer says that it is stale. @throws when it is no answer. */
export async function ask(client: EvaluationClient): Promise<boolean> {
  const { decisions } = await client.evaluate(request, { timeoutMs: callTimeoutMs });
  const [decision] = decisions;
  if (decision === undefined || decision.reason === Reason.ERROR) throw new Error(`no answer: ${decision?.detail}`);
  return decision.reason === Reason.STALE;
}

/** A client that has its first answer. */
async function ready(client: EvaluationClient): Promise<void> {
  await eventually(async () => void (await ask(client)), { deadlineMs: 15_000 });
}
