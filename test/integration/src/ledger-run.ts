/** One run of the ledger's drill: a mesh, a checker that loads it, and faults from a seed. */
import { type ChildProcess, fork } from 'node:child_process';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createClient, silentLogger } from '@sluice/mesh';
import { openDatabase } from '@sluice/postgres';
import { ConfigServiceService, KeyClass } from '@sluice/proto';
import { eventually, startMesh, type TestMesh, temporaryFolder } from '@sluice/testkit';
import { type HarshDisk, harshDisk } from './harsh-disk.js';
import { set, timeoutMs } from './ingestion-room.js';
import type { CheckerOptions, News, Order } from './ledger-checker.js';
import { everything, type PlannedFault, planBlackouts, planFaults } from './ledger-faults.js';
import { brokenPromises, type Findings } from './ledger-verdict.js';
import { type Tamperer, type Tampering, tamperWithNats } from './nats-tamper.js';
import { familyOf, signalAll } from './process-family.js';

/** What is broken on purpose, to see whether the checker notices. */
export type Mutation = Tampering | 'no key' | 'no fsync';

export interface LedgerRunOptions {
  readonly seed: number;
  /** For how long faults happen. */
  readonly durationMs: number;
  readonly batchesPerSecond: number;
  readonly eventsPerBatch: number;
  readonly mutation?: Mutation | undefined;
  /** Those whose disks lose power and fill up, too: needs root. */
  readonly disksOf?: readonly Owner[];
  /** Nothing but power that goes everywhere in one moment: for those with disks. */
  readonly isBlackout?: boolean;
  readonly patienceMs?: number;
  readonly say?: (line: string) => void;
}

/** What `sluice books` said. */
export interface Books {
  readonly code: number;
  /** Whether it found events on their way, so that it could not compare everything. */
  readonly isMoving: boolean;
  /** What it could not balance; what went wrong when it could not even try. */
  readonly problems: readonly string[];
  /** What the books know of the load: numbers of events that came, and that never did. */
  readonly source: { readonly arrived: number; readonly missing: number } | undefined;
}

export interface LedgerRun {
  readonly findings: Findings;
  readonly broken: readonly string[];
  /** How often each fault struck, such as `kill nats`. */
  readonly faults: Readonly<Record<string, number>>;
  readonly books: Books;
}

/** Who keeps what is acknowledged: the log, the spools, the store. */
export const keepers = ['nats', 'ingestion-1', 'ingestion-2', 'postgres'] as const;
export type Owner = (typeof keepers)[number];
/** Those of them that suffer one by one. */
export const owners: readonly Owner[] = ['nats', 'ingestion-1', 'postgres'];
type Disks = ReadonlyMap<string, HarshDisk>;

const ingestions = ['ingestion-1', 'ingestion-2'];
const victims = [...ingestions, 'nats', 'postgres'];
const backlogMs = 1_500;
const logBytesMax = 96 * 1024 * 1024;

export async function runLedger(options: LedgerRunOptions): Promise<LedgerRun> {
  const { mutation } = options;
  let tamperer: Tamperer | undefined;
  const isTampering = mutation === 'no message id' || mutation === 'ack before publish';
  const mesh = await startMesh({
    services: ['config', 'ingestion'],
    ingestions: ingestions.length,
    env: { EVENTS_MAX_BYTES: String(logBytesMax), LOG_LEVEL: 'warn' },
    ...(isTampering && {
      inFrontOfNats: async (natsUrl: string) => {
        tamperer = await tamperWithNats(natsUrl, mutation);
        return tamperer.url;
      },
    }),
  });
  const { path: folder, remove } = await temporaryFolder();
  const disks = new Map<string, HarshDisk>();
  try {
    if (mutation === 'no fsync') await forgetToSync(mesh);
    for (const owner of options.disksOf ?? []) {
      const data = join(mesh.servers.folders.data, owner);
      disks.set(owner, await harshDisk(mesh.process(owner), data, join(folder, owner)));
    }
    return await runOn(mesh, options, folder, disks);
  } finally {
    for (const [owner, disk] of disks) {
      await mesh.process(owner).stop();
      await disk.remove();
    }
    await mesh.stop();
    await tamperer?.close();
    await remove();
  }
}

async function runOn(mesh: TestMesh, options: LedgerRunOptions, folder: string, disks: Disks): Promise<LedgerRun> {
  const { seed, durationMs, say = () => undefined } = options;
  const checker = new CheckerProcess(say);
  try {
    await checker.start({
      targets: ingestions.map((name) => `static:///${mesh.process(name).address}`),
      key: await serverKey(mesh),
      meshKey: mesh.meshKey,
      databaseUrl: mesh.databaseUrl,
      natsUrl: mesh.natsUrl,
      folder,
      ...options,
      patienceMs: options.patienceMs ?? 60_000,
    });
    if (options.mutation === 'no key') await dropKeys(mesh);
    // Only power tells a log that syncs from one that does not.
    const isAboutPower = options.mutation === 'no fsync';
    const withDisk = [...disks.keys()];
    const planned = {
      ...{ seed, durationMs, victims: isAboutPower ? [] : victims },
      ...{ powered: withDisk, filled: isAboutPower ? [] : withDisk },
    };
    const plan = options.isBlackout ? planBlackouts(planned) : planFaults(planned);
    const faults = await strike(mesh, plan, disks, say);
    await heal(mesh);
    say('healed; waiting until everything is at rest');
    const findings = await checker.finish();
    const broken = brokenPromises(findings);
    if (broken.length > 0 && !options.mutation) say(`the logs are in ${await keepLogs(mesh, seed)}`);
    return { findings, broken, faults, books: await readBooks(mesh, findings.sourceId) };
  } finally {
    checker.end();
  }
}

async function readBooks(mesh: TestMesh, sourceId: string): Promise<Books> {
  // Of everything: books of one set leave out what instances and regions say of themselves.
  const { code, stdout, stderr } = await mesh.sluice('books', '--everything', '--wait', '20s', '--recount', '--json');
  if (!stdout.startsWith('{')) return { code, isMoving: true, problems: [stderr.trim()], source: undefined };
  const { isMoving, problems, sources } = JSON.parse(stdout) as {
    isMoving: boolean;
    problems: string[];
    sources: { sourceId: string; arrived: number; missing: number }[];
  };
  return { code, isMoving, problems, source: sources.find((source) => source.sourceId === sourceId) };
}

/** For whoever wants to know why. */
async function keepLogs(mesh: TestMesh, seed: number): Promise<string> {
  const kept = join(tmpdir(), `sluice-drill-ledger-${seed}`);
  await cp(mesh.servers.folders.logs, kept, { recursive: true });
  return kept;
}

/** Does what was planned, by the clock; a fault ends while others may have begun. */
async function strike(
  mesh: TestMesh,
  plan: readonly PlannedFault[],
  disks: Disks,
  say: (line: string) => void,
): Promise<Record<string, number>> {
  const faults: Record<string, number> = {};
  const startedMs = performance.now();
  const recoveries: Promise<void>[] = [];
  const struck = new Set<string>();
  for (const { atMs, victim, fault, forMs } of plan) {
    await delay(Math.max(startedMs + atMs - performance.now(), 0));
    // Somebody who is down can't be hurt; the plan goes on with the next.
    if (struck.has(victim)) continue;
    const name = `${fault} ${victim}`;
    faults[name] = (faults[name] ?? 0) + 1;
    say(`${name} for ${forMs} ms`);
    struck.add(victim);
    const suffering =
      victim === everything ? blackOut(mesh, disks, forMs) : suffer(mesh, { victim, fault, forMs }, disks.get(victim));
    const recovery = suffering.finally(() => struck.delete(victim));
    recoveries.push(recovery);
    // With everything down there is nobody else to strike.
    if (victim === everything) await recovery;
  }
  await Promise.all(recoveries);
  return faults;
}

type Blow = Pick<PlannedFault, 'victim' | 'fault' | 'forMs'>;

async function suffer(mesh: TestMesh, { victim, fault, forMs }: Blow, disk: HarshDisk | undefined): Promise<void> {
  const process = mesh.process(victim);
  if (fault === 'freeze') {
    const family = familyOf(process.pid);
    signalAll(family, 'SIGSTOP');
    await delay(forMs);
    signalAll(family, 'SIGCONT');
    return;
  }
  if (fault === 'power') await atTheWorstMoment(mesh, victim, async () => disk?.losePower());
  else if (fault === 'full') {
    await disk?.fill();
    await atTheWorstMoment(mesh, victim, () => delay(forMs));
    await disk?.clear();
  } else await process.kill();
  if (fault !== 'full') await delay(forMs);
  // A full disk ends some servers, whom an operator's supervisor starts again.
  await eventually(() => process.start(), { deadlineMs: 30_000, intervalMs: 200 });
}

/** Those without a disk to lose: they end with the others. */
const diskless = ['config-1'];

/**
 * Power goes everywhere in one moment: first nobody moves any more, then each disk is looked at. The log and a
 * spool have something to lose by then: the store is held first, so that the log fills, then the log as well.
 */
async function blackOut(mesh: TestMesh, disks: Disks, forMs: number): Promise<void> {
  for (const heir of ['postgres', 'nats']) {
    signalAll(familyOf(mesh.process(heir).pid), 'SIGSTOP');
    await delay(backlogMs);
  }
  for (const disk of disks.values()) disk.hold();
  for (const name of diskless) await mesh.process(name).kill();
  await Promise.all([...disks.values()].map((disk) => disk.losePower()));
  await delay(forMs);
  await heal(mesh);
}

/** Whoever would take over what the victim keeps, so that nothing stays there for long. */
const heirs: Readonly<Record<string, string>> = { nats: 'postgres', 'ingestion-1': 'nats' };

/** When it has something to lose: the log when the store takes nothing, the spool when the log does not. */
async function atTheWorstMoment(mesh: TestMesh, victim: string, harm: () => Promise<void>): Promise<void> {
  const heir = heirs[victim];
  const family = heir === undefined ? [] : familyOf(mesh.process(heir).pid);
  signalAll(family, 'SIGSTOP');
  try {
    if (family.length > 0) await delay(backlogMs);
    await harm();
  } finally {
    signalAll(family, 'SIGCONT');
  }
}

async function heal(mesh: TestMesh): Promise<void> {
  for (const name of [...victims, ...diskless]) {
    const process = mesh.process(name);
    await eventually(() => process.start(), { deadlineMs: 30_000, intervalMs: 200 });
  }
}

async function serverKey(mesh: TestMesh): Promise<string> {
  const target = `static:///${mesh.process('config-1').address}`;
  const config = createClient(ConfigServiceService, { target, key: mesh.rootKey });
  try {
    await config.createProject({ project: set.project }, { timeoutMs });
    await config.createEnvironment({ set }, { timeoutMs });
    const grant = { ...set, keyClass: KeyClass.SERVER, canWrite: false, label: 'drill' };
    return (await config.createKey({ grant, isReused: false }, { timeoutMs })).secret;
  } finally {
    config.close();
  }
}

/** The log as it comes out of the box: synced every two minutes. */
async function forgetToSync(mesh: TestMesh): Promise<void> {
  const path = join(mesh.servers.folders.etc, 'nats.conf');
  await writeFile(path, (await readFile(path, 'utf8')).replace('sync_interval: always', 'sync_interval: "2m"'));
  await mesh.process('nats').restart();
}

/** The store without what keeps an event single. */
async function dropKeys(mesh: TestMesh): Promise<void> {
  const database = await openDatabase({
    ...{ url: mesh.databaseUrl, applicationName: 'drill', poolMax: 1, logger: silentLogger },
  });
  try {
    // With the first row every migration is done.
    await eventually(async () => {
      const rows = await database.query({ name: '', text: 'select 1 from events.event limit 1' });
      if (rows.length === 0) throw new Error('nothing is stored yet');
    });
    const keys = await database.query<{ drop: string }>({ name: '', text: keysOfEvents });
    if (keys.length === 0) throw new Error('the table of events has no key that could be dropped');
    for (const { drop } of keys) await database.query({ name: '', text: drop });
  } finally {
    await database.close();
  }
}

const keysOfEvents = `select format('alter table %s drop constraint %I', conrelid::regclass, conname) as drop
  from pg_constraint where conrelid = 'events.event'::regclass and contype in ('p', 'u')`;

/** The checker, from the side of the drill. */
class CheckerProcess {
  readonly #child: ChildProcess = fork(new URL('ledger-checker.js', import.meta.url));
  readonly #findings = Promise.withResolvers<Findings>();
  readonly #loaded = Promise.withResolvers<void>();

  constructor(say: (line: string) => void) {
    let lastAcked = 0;
    this.#findings.promise.catch(() => undefined);
    this.#loaded.promise.catch(() => undefined);
    this.#child.on('message', (news: News) => {
      if (news.kind === 'findings') this.#findings.resolve(news.findings);
      else if (news.kind === 'failed') this.#fail(new Error(`the checker failed: ${news.reason}`));
      else if (news.acked > 0) {
        this.#loaded.resolve();
        if (news.acked - lastAcked < 10_000) return;
        lastAcked = news.acked;
        say(`${news.acked} events acknowledged`);
      }
    });
    this.#child.on('exit', (code) => this.#fail(new Error(`the checker ended with ${code}`)));
  }

  #fail(error: Error): void {
    this.#findings.reject(error);
    this.#loaded.reject(error);
  }

  /** Resolves once the first events are acknowledged. */
  async start(options: CheckerOptions): Promise<void> {
    this.#order({ do: 'start', options });
    await this.#loaded.promise;
  }

  async finish(): Promise<Findings> {
    this.#order({ do: 'finish' });
    return this.#findings.promise;
  }

  end(): void {
    this.#child.kill('SIGKILL');
  }

  #order(order: Order): void {
    this.#child.send(order);
  }
}
