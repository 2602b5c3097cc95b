/** From the durable log into PostgreSQL, beside binary COPY of the same rows through one connection. */
import { type ChildProcess, fork } from 'node:child_process';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import type { Bus } from '@sluice/bus';
import { copyOf, eventColumns, type Taken, take, writeBatch } from '@sluice/ingestion/ledger-store';
import type { Database, Statement } from '@sluice/postgres';
import { IngestionServiceService } from '@sluice/proto';
import type { TestMesh } from '@sluice/testkit';
import { v7 } from 'uuid';
import { batchesOf, eventsOf, requestOf, set, subjectsOf } from './ledger-events.js';
import { quantile } from './load.js';
import { atLeast, judge } from './verdict.js';

const requestEvents = 500;
const requestsInFlight = 24;
const rounds = 3;
const rowsTotal = 200_000;
/** What goes through a process that was just started before it is measured: writers run for weeks. */
const warmRows = 100_000;
const timeoutMs = 60_000;
/** The part of raw COPY that events from the client to the store are to reach. */
const wholeOfRaw = 0.5;
/** Messages of one transaction of the writer. */
const transactionMessages = 16;

let sequence = 0;
const takenOf = (batches: readonly Uint8Array[]): Taken[] =>
  batches.map((data) =>
    take(
      {
        subject: `events.v1.local.${set.project}.${set.environment}`,
        data,
        sequence: ++sequence,
        publishedAtMs: Date.now(),
      },
      'BENCH',
    ),
  );

const sql = (text: string): Statement => ({ name: '', text });
const perSecond = (rows: number, sinceMs: number): number => (rows * 1000) / (performance.now() - sinceMs);

/** Binary COPY through one connection into a table without any key or index; the rows were encoded before. */
async function rawCopy(database: Database, taken: readonly Taken[]): Promise<number> {
  await database.query(sql('truncate raw_event'));
  const startMs = performance.now();
  const copy = sql(`copy raw_event (${eventColumns.join(', ')}) from stdin with (format binary)`);
  const rows = await database.transaction((tx) => tx.copy(copy, copyOf(taken.map(({ tuples }) => tuples.all()))));
  return perSecond(rows, startMs);
}

async function keyedCopy(database: Database, taken: readonly Taken[]): Promise<number> {
  await clear(database);
  const startMs = performance.now();
  const copy = sql(`copy events.event (${eventColumns.join(', ')}) from stdin with (format binary)`);
  for (const batch of transactionsOf(taken)) {
    await database.transaction((tx) => tx.copy(copy, copyOf(batch.map(({ tuples }) => tuples.all()))));
  }
  return perSecond(rowsTotal, startMs);
}

async function stagedInsert(database: Database, taken: readonly Taken[]): Promise<number> {
  await clear(database);
  const columns = eventColumns.join(', ');
  const startMs = performance.now();
  for (const batch of transactionsOf(taken)) {
    await database.transaction(async (tx) => {
      await tx.script('create temporary table if not exists bench_stage (like events.event) on commit delete rows');
      const copy = sql(`copy bench_stage (${columns}) from stdin with (format binary)`);
      await tx.copy(copy, copyOf(batch.map(({ tuples }) => tuples.all())));
      const insert = `insert into events.event (${columns}) select ${columns} from bench_stage on conflict do nothing`;
      await tx.query(sql(`${insert} returning event_id`));
    });
  }
  return perSecond(rowsTotal, startMs);
}

/** What the writer does once it has the messages: everything but reading the log. */
async function written(database: Database, batches: readonly Uint8Array[]): Promise<number> {
  await clear(database);
  const startMs = performance.now();
  for (let from = 0; from < batches.length; from += transactionMessages) {
    await writeBatch(database, takenOf(batches.slice(from, from + transactionMessages)));
  }
  return perSecond(rowsTotal, startMs);
}

function* transactionsOf(taken: readonly Taken[]): Generator<readonly Taken[]> {
  for (let from = 0; from < taken.length; from += transactionMessages)
    yield taken.slice(from, from + transactionMessages);
}

const tables = ['event', 'exposure', 'exposure_count', 'settled', 'usage_delta', 'usage'];
const clear = (database: Database) =>
  database.query(sql(`truncate ${tables.map((table) => `events.${table}`).join(', ')}`));

/** The log is filled first, with no writer; then one starts in a process of its own, and works it off. Its first rows warm it up. */
async function fromLog(
  { natsUrl, databaseUrl, region }: TestMesh,
  bus: Bus,
  database: Database,
  everyExposure: number,
): Promise<number> {
  await clear(database);
  const batches = batchesOf(eventsOf(warmRows + rowsTotal, everyExposure));
  const subjects = subjectsOf(region);
  for (const [at, data] of batches.entries()) {
    await bus.publish(subjects[at % subjects.length] ?? '', data, { messageId: v7(), timeoutMs });
  }
  const child = fork(new URL('./writer-process.js', import.meta.url), [natsUrl, databaseUrl]);
  await new Promise((resolve) => child.once('message', resolve));
  child.send('start');
  const rate = await rateOfStoring(database);
  await end(child);
  return rate;
}

async function end(child: ChildProcess): Promise<void> {
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}

/** Rows per second behind the first ones. */
async function rateOfStoring(database: Database): Promise<number> {
  const from = await untilStored(database, warmRows);
  const to = await untilStored(database, warmRows + rowsTotal);
  return ((to.stored - from.stored) * 1000) / (to.atMs - from.atMs);
}

/** Counting costs, so the settled messages are asked. */
async function untilStored(database: Database, rows: number): Promise<{ stored: number; atMs: number }> {
  for (;;) {
    const [row] = await database.query<{ stored: number }>(
      sql('select coalesce(sum(stored), 0)::float8 as stored from events.settled'),
    );
    const stored = row?.stored ?? 0;
    if (stored >= rows) return { stored, atMs: performance.now() };
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Requests that were encoded before, through gRPC, the log and the writer. */
async function endToEnd(database: Database, address: string, key: string, everyExposure: number): Promise<number> {
  await clear(database);
  const events = eventsOf(warmRows + rowsTotal, everyExposure);
  const requests = Array.from({ length: events.length / requestEvents }, (_, at) =>
    requestOf(events.slice(at * requestEvents, (at + 1) * requestEvents)),
  );
  const clients = Array.from(
    { length: 4 },
    () =>
      new Client(address, credentials.createInsecure(), {
        'grpc.use_local_subchannel_pool': 1,
        'grpc.enable_http_proxy': 0,
      }),
  );
  const metadata = new Metadata();
  metadata.set('authorization', `Bearer ${key}`);
  const lane = async (client: Client): Promise<void> => {
    for (let request = requests.pop(); request; request = requests.pop()) await send(client, request, metadata);
  };
  const lanes = Array.from({ length: requestsInFlight }, (_, at) => clients[at % clients.length]).flatMap((client) =>
    client ? [lane(client)] : [],
  );
  const stored = rateOfStoring(database);
  await Promise.all(lanes);
  const rate = await stored;
  for (const client of clients) client.close();
  return rate;
}

const asIs = (bytes: Buffer): Buffer => bytes;

async function send(client: Client, request: Buffer, metadata: Metadata): Promise<void> {
  for (;;) {
    try {
      return await new Promise<void>((resolve, reject) => {
        const { path } = IngestionServiceService.logEvents;
        const options = { deadline: Date.now() + timeoutMs };
        client.makeUnaryRequest(path, asIs, asIs, request, metadata, options, (error) =>
          error ? reject(error) : resolve(),
        );
      });
    } catch {
      // Refused for the moment: a client waits a little and sends the same again.
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

function print(name: string, rate: number, raw: number, least?: number): void {
  const measured = `${Math.round(rate).toLocaleString('en')}/s, ${(rate / raw).toFixed(2)} of raw`;
  judge(name, measured, least === undefined ? undefined : atLeast(rate / raw, least, 'of raw'));
}

async function interleave(runs: Readonly<Record<string, () => Promise<number>>>): Promise<Record<string, number>> {
  const rates: Record<string, number[]> = Object.fromEntries(Object.keys(runs).map((name) => [name, []]));
  for (let round = 0; round <= rounds; round++) {
    for (const [name, run] of Object.entries(runs)) {
      const rate = await run();
      // The first round warms up.
      if (round > 0) rates[name]?.push(rate);
    }
  }
  return Object.fromEntries(Object.entries(rates).map(([name, samples]) => [name, quantile(samples, 0.5)]));
}

export async function benchStore(mesh: TestMesh, bus: Bus, database: Database): Promise<void> {
  await database.query(sql('create table raw_event (like events.event)'));
  await database.query(sql('select events.ensure_day(current_date)'));
  for (const everyExposure of [0, 5]) {
    const batches = batchesOf(eventsOf(rowsTotal, everyExposure));
    const taken = takenOf(batches);
    const ingestion = mesh.process('ingestion-1');
    const rates = await interleave({
      raw: () => rawCopy(database, taken),
      keyed: () => keyedCopy(database, taken),
      staged: () => stagedInsert(database, taken),
      written: () => written(database, batches),
      log: async () => {
        await ingestion.stop();
        const rate = await fromLog(mesh, bus, database, everyExposure);
        await ingestion.start();
        return rate;
      },
      whole: () => endToEnd(database, ingestion.address, mesh.meshKey, everyExposure),
    });
    const { raw = 1, keyed = 0, staged = 0, written: plain = 0, log = 0, whole = 0 } = rates;
    const bytes = taken.reduce((sum, { tuples }) => sum + tuples.all().length, 0);
    const what = everyExposure === 0 ? 'plain events' : `events, one in ${everyExposure} an exposure`;
    console.log(
      `\nFrom the log into PostgreSQL: ${rowsTotal.toLocaleString('en')} ${what}, ${Math.round(bytes / rowsTotal)} B each`,
    );
    print('raw binary COPY, no key, one transaction', raw, raw);
    print('COPY into the partitions with their key', keyed, raw);
    print('COPY into a stage, insert on conflict', staged, raw);
    print('the writer, messages in hand', plain, raw);
    print('durable log → PostgreSQL', log, raw);
    print('gRPC → durable log → PostgreSQL', whole, raw, wholeOfRaw);
  }
}
