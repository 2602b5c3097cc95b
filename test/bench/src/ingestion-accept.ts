/** Taking events in: gRPC to the durable log, beside a publisher that does nothing but publish. */
import { readFileSync } from 'node:fs';
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import type { Bus } from '@sluice/bus';
import type { Database } from '@sluice/postgres';
import { IngestionServiceService } from '@sluice/proto';
import type { TestMesh } from '@sluice/testkit';
import { v7 } from 'uuid';
import { batchesOf, eventsOf, FreshRequests, messageEvents, subjectsOf } from './ledger-events.js';
import { quantile } from './load.js';

const clientsCount = 8;
const inFlightEach = 4;
const requestEvents = 100;
const roundMs = 4_000;
const rounds = 3;
const halfLoadMs = 10_000;
const overloadMs = 10_000;
const overload = 10;
const deadlineMs = 5_000;
/** Messages that the bare publisher has under way. */
const publishesInFlight = 6;

const asIs = (bytes: Buffer): Buffer => bytes;

/** Clients with a connection each, that send what was encoded before. */
class Senders {
  readonly #clients: readonly Client[];
  readonly #metadata = new Metadata();
  #turn = 0;

  constructor(address: string, key: string) {
    const options = { 'grpc.use_local_subchannel_pool': 1, 'grpc.enable_http_proxy': 0 };
    this.#clients = Array.from(
      { length: clientsCount },
      () => new Client(address, credentials.createInsecure(), options),
    );
    this.#metadata.set('authorization', `Bearer ${key}`);
  }

  /** @returns the status code of the answer. */
  send(request: Buffer): Promise<status> {
    const client = this.#clients[this.#turn++ % clientsCount] as Client;
    const { path } = IngestionServiceService.logEvents;
    const options = { deadline: Date.now() + deadlineMs };
    return new Promise((resolve) => {
      const done = (error: ServiceError | null): void => resolve(error ? error.code : status.OK);
      client.makeUnaryRequest(path, asIs, asIs, request, this.#metadata, options, done);
    });
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}

/** Every client keeps some requests under way. @returns events per second. */
async function saturate(senders: Senders, requests: FreshRequests, forMs: number): Promise<number> {
  const startMs = performance.now();
  let accepted = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() - startMs < forMs) {
      if ((await senders.send(requests.next())) === status.OK) accepted += requestEvents;
    }
  };
  await Promise.all(Array.from({ length: clientsCount * inFlightEach }, lane));
  return (accepted * 1_000) / (performance.now() - startMs);
}

async function publishBare(bus: Bus, region: string, messages: readonly Uint8Array[], forMs: number): Promise<number> {
  const subjects = subjectsOf(region);
  const startMs = performance.now();
  let published = 0;
  let turn = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() - startMs < forMs) {
      const at = turn++;
      const subject = subjects[at % subjects.length] ?? '';
      const data = messages[at % messages.length] ?? new Uint8Array();
      await bus.publish(subject, data, { messageId: v7(), timeoutMs: deadlineMs });
      published += messageEvents;
    }
  };
  await Promise.all(Array.from({ length: publishesInFlight }, lane));
  return (published * 1_000) / (performance.now() - startMs);
}

interface Offered {
  readonly sentPerSecond: number;
  readonly acceptedPerSecond: number;
  /** Of accepted requests, in milliseconds from when they were due. */
  readonly latencies: readonly number[];
  readonly refused: ReadonlyMap<string, number>;
}

/** Requests at a fixed rate, whether or not earlier ones were answered. */
async function offer(senders: Senders, requests: FreshRequests, perSecond: number, forMs: number): Promise<Offered> {
  const latencies: number[] = [];
  const refused = new Map<string, number>();
  const pending: Promise<void>[] = [];
  const startMs = performance.now();
  let sent = 0;
  let accepted = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setInterval(() => {
    const elapsedMs = performance.now() - startMs;
    if (elapsedMs >= forMs) return resolve();
    for (; sent < (elapsedMs * perSecond) / 1_000; sent++) {
      const dueMs = startMs + (sent * 1_000) / perSecond;
      const settle = (code: status): void => {
        const nowMs = performance.now();
        if (code === status.OK) latencies.push(nowMs - dueMs);
        else refused.set(status[code] ?? String(code), (refused.get(status[code] ?? '') ?? 0) + 1);
        if (code === status.OK && nowMs - startMs <= forMs) accepted += requestEvents;
      };
      pending.push(senders.send(requests.next()).then(settle));
      // A generator that is late must not stop everything else, its own answers above all.
      if (performance.now() - startMs - elapsedMs > 20) break;
    }
  }, 1);
  await promise;
  clearInterval(timer);
  const tookMs = performance.now() - startMs;
  await Promise.all(pending);
  const rate = (count: number): number => (count * 1_000) / tookMs;
  return { sentPerSecond: rate(sent * requestEvents), acceptedPerSecond: rate(accepted), latencies, refused };
}

const figure = (value: number): string => Math.round(value).toLocaleString('en').padStart(10);

/** PostgreSQL is away meanwhile: what is measured ends at the log, and the writer waits. */
export async function benchAccept(mesh: TestMesh, bus: Bus): Promise<void> {
  const ingestion = mesh.process('ingestion-1');
  const senders = new Senders(ingestion.address, mesh.meshKey);
  const requests = new FreshRequests(requestEvents);
  const messages = batchesOf(eventsOf(20 * messageEvents, 0));
  await mesh.process('postgres').stop();
  const [bare, accept]: [number[], number[]] = [[], []];
  for (let round = 0; round <= rounds; round++) {
    const rates = [
      await publishBare(bus, mesh.region, messages, roundMs),
      await saturate(senders, requests, roundMs),
    ] as const;
    // The first round warms up.
    if (round > 0) bare.push(rates[0]);
    if (round > 0) accept.push(rates[1]);
  }
  const peak = quantile(accept, 0.5);
  const raw = quantile(bare, 0.5);
  console.log('\nTaking events in: one region, one NATS server, fsync before every acknowledgement');
  console.log(`  bare publisher, ${messageEvents} events a message   ${figure(raw)} events/s`);
  const clients = `${clientsCount} clients, ${requestEvents} events a request`;
  console.log(`  gRPC → durable log, ${clients} ${figure(peak)} events/s  ${(peak / raw).toFixed(2)} of bare`);
  const half = await offer(senders, requests, peak / 2 / requestEvents, halfLoadMs);
  const p99 = quantile(half.latencies, 0.99);
  console.log(
    `  at half of that, open loop: p50 ${quantile(half.latencies, 0.5).toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`,
  );
  const flood = await offer(senders, requests, (peak * overload) / requestEvents, overloadMs);
  const kinds = [...flood.refused].map(([code, count]) => `${count} ${code}`).join(', ') || 'none';
  const goodput = (flood.acceptedPerSecond / peak).toFixed(2);
  console.log(
    `  offered ${figure(flood.sentPerSecond).trim()}/s of ${overload}× for ${overloadMs / 1_000} s: goodput ${goodput} of peak; requests refused: ${kinds}`,
  );
  senders.close();
  await mesh.process('postgres').start();
}

const memoryEvents = 10_000_000;
const megabyte = 1024 * 1024;

/** Resident memory of a process, in bytes. */
function residentBytes(pid: number): number {
  const [, kibibytes = '0'] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
  return Number(kibibytes) * 1024;
}

/** Ten million events into the log and on into PostgreSQL, with a look at memory after each half a million. */
export async function benchMemory(mesh: TestMesh, _bus: Bus, database: Database): Promise<void> {
  const ingestion = mesh.process('ingestion-1');
  const senders = new Senders(ingestion.address, mesh.meshKey);
  const requests = new FreshRequests(requestEvents);
  const samples: number[] = [];
  let accepted = 0;
  let looked = 0;
  const startMs = performance.now();
  const lane = async (): Promise<void> => {
    while (accepted < memoryEvents) {
      if ((await senders.send(requests.next())) === status.OK) accepted += requestEvents;
      if (accepted - looked < memoryEvents / 20) continue;
      looked = accepted;
      samples.push(residentBytes(ingestion.pid) / megabyte);
      await database.query({ name: '', text: 'truncate events.event, events.settled' });
    }
  };
  await Promise.all(Array.from({ length: clientsCount * inFlightEach }, lane));
  const rate = (accepted * 1_000) / (performance.now() - startMs);
  console.log(`\nMemory of ingestion over ${figure(accepted).trim()} events, at ${figure(rate).trim()}/s`);
  console.log(`  resident MiB: ${samples.map((sample) => sample.toFixed(0)).join(' ')}`);
  senders.close();
}
