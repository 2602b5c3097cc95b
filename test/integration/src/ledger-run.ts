/** One run of the ledger's drill: a mesh, a checker that loads it, and faults from a seed. */
import { type ChildProcess, fork } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { cp, readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { createClient, silentLogger } from '@sluice/mesh';
import { openDatabase } from '@sluice/postgres';
import { ConfigServiceService, KeyClass } from '@sluice/proto';
import { eventually, startMesh, type TestMesh, temporaryFolder } from '@sluice/testkit';
import { type CrashDisk, crashDisk } from './crash-disk.js';
import { set, timeoutMs } from './ingestion-room.js';
import type { CheckerOptions, News, Order } from './ledger-checker.js';
import { type PlannedFault, planFaults } from './ledger-faults.js';
import { brokenPromises, type Findings } from './ledger-verdict.js';
import { type Tamperer, type Tampering, tamperWithNats } from './nats-tamper.js';

/** What is broken on purpose, to see whether the checker notices. */
export type Mutation = Tampering | 'no key' | 'no fsync';

export interface LedgerRunOptions {
  readonly seed: number;
  /** For how long faults happen. */
  readonly durationMs: number;
  readonly batchesPerSecond: number;
  readonly eventsPerBatch: number;
  readonly mutation?: Mutation | undefined;
  /** The log's disk loses power, too: needs root. */
  readonly hasPowerLoss?: boolean;
  readonly patienceMs?: number;
  readonly say?: (line: string) => void;
}

/** What `sluice books` said. */
export interface Books {
  readonly code: number;
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
  let disk: CrashDisk | undefined;
  try {
    if (mutation === 'no fsync') await forgetToSync(mesh);
    if (options.hasPowerLoss) {
      disk = await crashDisk(mesh.process('nats'), join(mesh.servers.folders.data, 'nats'), join(folder, 'disk'));
    }
    return await runOn(mesh, options, folder, disk);
  } finally {
    if (disk) await mesh.process('nats').stop();
    await disk?.remove();
    await mesh.stop();
    await tamperer?.close();
    await remove();
  }
}

async function runOn(
  mesh: TestMesh,
  options: LedgerRunOptions,
  folder: string,
  disk: CrashDisk | undefined,
): Promise<LedgerRun> {
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
    const hurt = options.mutation === 'no fsync' ? [] : victims;
    const plan = planFaults({ seed, durationMs, victims: hurt, powered: disk ? ['nats'] : [] });
    const faults = await strike(mesh, plan, disk, say);
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
  const place = ['--project', set.project, '--environment', set.environment];
  const { code, stdout, stderr } = await mesh.sluice('books', '--wait', '20s', '--recount', '--json', ...place);
  if (!stdout.startsWith('{')) return { code, problems: [stderr.trim()], source: undefined };
  const { problems, sources } = JSON.parse(stdout) as {
    problems: string[];
    sources: { sourceId: string; arrived: number; missing: number }[];
  };
  return { code, problems, source: sources.find((source) => source.sourceId === sourceId) };
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
  disk: CrashDisk | undefined,
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
    const recovery = suffer(mesh, { victim, fault, forMs }, disk).finally(() => struck.delete(victim));
    recoveries.push(recovery);
  }
  await Promise.all(recoveries);
  return faults;
}

type Blow = Pick<PlannedFault, 'victim' | 'fault' | 'forMs'>;

async function suffer(mesh: TestMesh, { victim, fault, forMs }: Blow, disk: CrashDisk | undefined): Promise<void> {
  const process = mesh.process(victim);
  if (fault === 'freeze') {
    const family = familyOf(process.pid);
    signalAll(family, 'SIGSTOP');
    await delay(forMs);
    signalAll(family, 'SIGCONT');
    return;
  }
  if (fault === 'power') await losePower(mesh, disk);
  else await process.kill();
  await delay(forMs);
  await eventually(() => process.start(), { deadlineMs: 30_000, intervalMs: 200 });
}

/** At the worst moment: the store has not taken anything for a while, so that the log holds what it acknowledged. */
async function losePower(mesh: TestMesh, disk: CrashDisk | undefined): Promise<void> {
  const store = familyOf(mesh.process('postgres').pid);
  signalAll(store, 'SIGSTOP');
  try {
    await delay(backlogMs);
    await disk?.losePower();
  } finally {
    signalAll(store, 'SIGCONT');
  }
}

/** A process with its children: PostgreSQL is many. */
function familyOf(pid: number): number[] {
  const parents = readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const state = readFileSync(`/proc/${name}/stat`, 'utf8');
      return [{ pid: Number(name), parent: Number(state.slice(state.lastIndexOf(')') + 2).split(' ')[1]) }];
    } catch {
      return [];
    }
  });
  const family = [pid];
  // The list grows while it is walked: children of children.
  for (const one of family) family.push(...parents.filter(({ parent }) => parent === one).map((child) => child.pid));
  return family;
}

function signalAll(pids: readonly number[], name: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      if (pid > 1) process.kill(pid, name);
    } catch {
      // It ended meanwhile.
    }
  }
}

async function heal(mesh: TestMesh): Promise<void> {
  for (const name of victims) {
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
