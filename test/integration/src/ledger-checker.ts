/**
 * The checker of the ledger, a process of its own: loads ingestion as clients do, keeps a synced
 * ledger of what was acknowledged, and compares that with the store once everything is at rest.
 * Its parent, which breaks things meanwhile, tells it by messages what to do and gets `Findings`.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { createClient, silentLogger } from '@sluice/mesh';
import { type Database, openDatabase } from '@sluice/postgres';
import { InstanceServiceService, LedgerServiceService } from '@sluice/proto';
import { RemoteSluice } from '@sluice/sdk';
import { connect, type JetStreamManager, type NatsConnection } from 'nats';
import { set, timeoutMs } from './ingestion-room.js';
import { LedgerBook } from './ledger-book.js';
import { eventName, gateName, LedgerLoad } from './ledger-load.js';
import { LogTap } from './ledger-tap.js';
import type { Findings, SdkFindings } from './ledger-verdict.js';

/** What the parent gives with the order to start. */
export interface CheckerOptions {
  readonly targets: readonly string[];
  readonly key: string;
  readonly meshKey: string;
  readonly databaseUrl: string;
  readonly natsUrl: string;
  /** A folder of the checker's own. */
  readonly folder: string;
  readonly batchesPerSecond: number;
  readonly eventsPerBatch: number;
  readonly seed: number;
  /** How long what was sent may take to be answered after the healing, and the mesh to come to rest. */
  readonly patienceMs: number;
}

export type Order = { readonly do: 'start'; readonly options: CheckerOptions } | { readonly do: 'finish' };
export type News =
  | { readonly kind: 'acked'; readonly acked: number }
  | { readonly kind: 'findings'; readonly findings: Findings }
  | { readonly kind: 'failed'; readonly reason: string };

const sdkEventName = 'drill-sdk';
const sdkEveryMs = 20;
const readEveryMs = 500;
const newsEveryMs = 250;
const streams = ['EVENTS', 'EVENTS_2', 'EVENTS_3'];

class Checker {
  readonly #options: CheckerOptions;
  readonly #book: LedgerBook;
  readonly #load: LedgerLoad;
  readonly #sdk: RemoteSluice;
  readonly #nats: NatsConnection;
  readonly #timers: NodeJS.Timeout[] = [];
  readonly #tap = new LogTap();

  static async start(options: CheckerOptions): Promise<Checker> {
    const book = await LedgerBook.open(`${options.folder}/acked.ids`);
    // Straight to the server: whatever stands in front of it for the services must not deceive the checker.
    const nats = await connect({ servers: options.natsUrl, maxReconnectAttempts: -1, reconnectTimeWait: 100 });
    return new Checker(options, book, nats);
  }

  private constructor(options: CheckerOptions, book: LedgerBook, nats: NatsConnection) {
    this.#options = options;
    this.#book = book;
    this.#nats = nats;
    this.#load = new LedgerLoad({ ...options, book });
    const target = `static:///${options.targets.map((one) => one.replace('static:///', '')).join(',')}`;
    const spoolDir = `${options.folder}/sdk-spool`;
    this.#sdk = new RemoteSluice({ key: options.key, target, ingestionTarget: target, spoolDir });
    this.#tap.listen(nats);
    this.#load.start();
    this.#every(sdkEveryMs, () => this.#sdk.log({ userID: 'sdk' }, sdkEventName, { value: 1 }));
    this.#every(newsEveryMs, () => tell({ kind: 'acked', acked: this.#load.acked }));
  }

  async finish(): Promise<Findings> {
    const { patienceMs } = this.#options;
    for (const timer of this.#timers) clearInterval(timer);
    const isAnswered = await this.#load.stop(patienceMs);
    await this.#sdk.flush({ timeoutMs: patienceMs });
    const books = this.#sdk.books();
    await this.#sdk.close({ timeoutMs: 1_000 });
    const database = await openDatabase({
      ...{ url: this.#options.databaseUrl, applicationName: 'checker', poolMax: 2, logger: silentLogger },
    });
    try {
      const { view, reads, unrest } = await this.#readUntilEqual(database);
      return await this.#compare(database, view, {
        reads,
        unrest: isAnswered ? unrest : `unanswered requests, ${unrest}`,
        books,
      });
    } finally {
      await database.close();
      await this.#nats.close();
      await this.#book.close();
    }
  }

  #every(ms: number, work: () => void): void {
    this.#timers.push(setInterval(work, ms));
  }

  /** Reads the store until nothing waits on the way to it and two reads are equal. */
  async #readUntilEqual(database: Database) {
    const untilMs = performance.now() + this.#options.patienceMs;
    let last: string | undefined;
    for (let reads = 1; ; reads++) {
      const unrest = await this.#waiting().catch((error: unknown) => String(error));
      const isDrained = unrest === '';
      const view = await readStore(database);
      const now = `${view.rows} ${[...view.counts.keys()].length}`;
      if (isDrained && now === last) return { view, reads, unrest };
      if (performance.now() > untilMs) return { view, reads, unrest: unrest || 'two reads of the store differ' };
      last = isDrained ? now : undefined;
      await delay(readEveryMs);
    }
  }

  /** What still waits, and where; empty when nothing does. */
  async #waiting(): Promise<string> {
    const manager = await this.#nats.jetstreamManager({ timeout: 2_000 });
    const found = await Promise.all([
      ...streams.map((stream) => waitingIn(manager, stream)),
      ...this.#options.targets.map(async (target) => ({
        ...{ count: await this.#spooledAt(target), where: `the spool of ${target}` },
      })),
    ]);
    return found.flatMap(({ count, where }) => (count > 0 ? [`${count} in ${where}`] : [])).join(', ');
  }

  async #spooledAt(target: string): Promise<number> {
    const client = createClient(InstanceServiceService, { target, key: this.#options.meshKey });
    try {
      const { counters } = await client.getInstance({}, { timeoutMs: 2_000 });
      return Number(counters.spool_events ?? 0) + Number(counters.append_bytes_pending ?? 0);
    } finally {
      client.close();
    }
  }

  async #compare(
    database: Database,
    view: StoreView,
    { reads, unrest, books }: { reads: number; unrest: string; books: ReturnType<RemoteSluice['books']> },
  ): Promise<Findings> {
    const acked = await this.#book.read();
    const load = this.#load;
    const latencies = [...load.latenciesMs].sort((one, other) => one - other);
    const at = (part: number): number => Math.round(latencies[Math.floor(latencies.length * part)] ?? 0);
    const [letters] = await database.query<{ count: number }>(countLetters);
    return {
      sourceId: load.sourceId,
      sent: load.sent,
      acked: load.acked,
      rejected: load.rejected,
      rows: view.rows,
      stored: view.counts.size,
      lost: new Set(acked.filter((id) => !view.counts.has(id))).size,
      double: [...view.counts.values()].filter((count) => count > 1).length,
      strange: Math.max(view.counts.size - load.sent, 0),
      told: await this.#told(),
      expected: view.expected,
      deadLetters: letters?.count ?? 0,
      keptTwice: this.#tap.keptTwice,
      messages: this.#tap.messages,
      unrest,
      reads,
      longestGapMs: Math.round(load.longestGapMs),
      ackP50Ms: at(0.5),
      ackP99Ms: at(0.99),
      retries: load.retries,
      repeats: load.repeats,
      sdk: sdkFindings(books, view.sdkStored),
    };
  }

  async #told(): Promise<Findings['told']> {
    const [target = ''] = this.#options.targets;
    const ledger = createClient(LedgerServiceService, { target, key: this.#options.meshKey });
    try {
      const { count, sum } = await ledger.getEvents({ set, name: eventName }, { timeoutMs });
      const { groups } = await ledger.getExposures({ set, key: gateName, isDaily: false }, { timeoutMs });
      return { events: count, sum, exposures: groups.reduce((total, { exposures }) => total + exposures, 0) };
    } finally {
      ledger.close();
    }
  }
}

interface StoreView {
  readonly rows: number;
  /** Rows of each event of the load. */
  readonly counts: ReadonlyMap<string, number>;
  readonly expected: Findings['expected'];
  readonly sdkStored: number;
}

const readRows = {
  name: '',
  text: `select event_id::text as id, name, count(*)::int as count from events.event
    where project = '${set.project}' and environment = '${set.environment}' group by 1, 2`,
};
const countLetters = { name: '', text: 'select count(*)::int as count from events.dead_letter' };

async function readStore(database: Database): Promise<StoreView> {
  const rows = await database.query<{ id: string; name: string; count: number }>(readRows);
  const of = (name: string): number => rows.filter((row) => row.name === name).length;
  const load = rows.filter(({ name }) => name !== sdkEventName);
  return {
    rows: rows.reduce((sum, { count }) => sum + count, 0),
    counts: new Map(load.map(({ id, count }) => [id, count])),
    expected: { events: of(eventName), sum: of(eventName), exposures: of('exposure') },
    sdkStored: of(sdkEventName),
  };
}

/** Messages that wait in a stream, with what its consumers are about. */
async function waitingIn(manager: JetStreamManager, stream: string): Promise<{ count: number; where: string }> {
  const { messages } = (await manager.streams.info(stream)).state;
  if (messages === 0) return { count: 0, where: stream };
  const consumers = await manager.consumers.list(stream).next();
  const doing = consumers.map(
    ({ name, num_ack_pending: unacked, num_pending: undelivered, num_waiting: asked, num_redelivered: again }) =>
      `${name}: ${unacked} unacknowledged, ${undelivered} undelivered, ${again} delivered again, ${asked} asking`,
  );
  return { count: messages, where: `${stream} (${doing.join('; ')})` };
}

function sdkFindings(books: ReturnType<RemoteSluice['books']>, stored: number): SdkFindings {
  const { generated, accepted, duplicate, rejected, dropped, inSpool, inFlight } = books;
  const total = (counts: Readonly<Record<string, number>>): number =>
    Object.values(counts).reduce((sum, count) => sum + count, 0);
  const settled = accepted + duplicate;
  return {
    generated,
    settled,
    stored,
    unexplained: generated - settled - total(rejected) - total(dropped) - inSpool - inFlight,
  };
}

function tell(news: News): void {
  process.send?.(news);
}

async function obey(order: Order): Promise<void> {
  try {
    if (order.do === 'start') checker = await Checker.start(order.options);
    else if (checker) tell({ kind: 'findings', findings: await checker.finish() });
  } catch (error) {
    tell({ kind: 'failed', reason: error instanceof Error ? (error.stack ?? error.message) : String(error) });
  }
}

let checker: Checker | undefined;
process.on('message', (order: Order) => void obey(order));
