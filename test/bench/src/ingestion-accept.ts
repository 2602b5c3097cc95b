/** Taking events in: gRPC to the durable log, beside a publisher that does nothing but publish. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Bus } from '@sluice/bus';
import { type Client, createClient, type ErrorKind, SluiceError } from '@sluice/mesh';
import type { Database } from '@sluice/postgres';
import { IngestionServiceService } from '@sluice/proto';
import type { TestMesh } from '@sluice/testkit';
import { v7 } from 'uuid';
import { saturateStreams } from './ingestion-streams.js';
import { batchesOf, eventsOf, FreshRequests, messageEvents, subjectsOf } from './ledger-events.js';
import { Caller, quantile } from './load.js';
import { allExplicit, atLeast, atMost, judge } from './verdict.js';

const clientsCount = 8;
const inFlightEach = 4;
const requestEvents = 100;
const roundMs = 4_000;
const rounds = 3;
const halfLoadMs = 10_000;
const overloadMs = 10_000;
const overload = 10;
const deadlineMs = 5_000;
/** Of an answer to a request: an outcome for each event. */
const answerBytes = 4 * requestEvents;
/** Messages that the bare publisher has under way. */
const publishesInFlight = 6;

/** Requests that were encoded before; of answers only that there is one. */
const rawIngestion = {
  logEvents: {
    ...IngestionServiceService.logEvents,
    requestSerialize: (bytes: Buffer): Buffer => bytes,
    responseDeserialize: (bytes: Buffer): Buffer => bytes,
  },
};

/** How a request ended: `accepted`, or the kind of the refusal. */
type Ending = 'accepted' | ErrorKind;

/** Clients of ours with a connection each: they restrain themselves when they are turned away. */
export class Senders {
  readonly #clients: readonly Client<typeof rawIngestion>[];
  #turn = 0;

  constructor(address: string, key: string) {
    this.#clients = Array.from({ length: clientsCount }, () =>
      createClient(rawIngestion, { target: `static:///${address}`, key }),
    );
  }

  async send(request: Buffer): Promise<Ending> {
    const client = this.#clients[this.#turn++ % clientsCount] as Client<typeof rawIngestion>;
    try {
      await client.logEvents(request, { timeoutMs: deadlineMs });
      return 'accepted';
    } catch (error) {
      if (error instanceof SluiceError) return error.kind;
      throw error;
    }
  }

  close(): void {
    for (const client of this.#clients) client.close();
  }
}

/** Every client keeps some requests under way. @returns events per second. */
export async function saturate(senders: Senders, requests: FreshRequests, forMs: number): Promise<number> {
  const startMs = performance.now();
  let accepted = 0;
  const lane = async (): Promise<void> => {
    while (performance.now() - startMs < forMs) {
      if ((await senders.send(requests.next())) === 'accepted') accepted += requestEvents;
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
      const request = requests.next();
      const settle = (ending: Ending): void => {
        if (ending === 'unavailable' || ending === 'exhausted') requests.again(request);
        const nowMs = performance.now();
        if (ending === 'accepted') latencies.push(nowMs - dueMs);
        else refused.set(ending, (refused.get(ending) ?? 0) + 1);
        if (ending === 'accepted' && nowMs - startMs <= forMs) accepted += requestEvents;
      };
      pending.push(senders.send(request).then(settle));
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

/** Messages of the bare publisher at a fixed rate, as large as ours under load. @returns milliseconds from when each was due to its acknowledgement. */
async function offerBare(
  bus: Bus,
  region: string,
  messages: readonly Uint8Array[],
  perSecond: number,
  forMs: number,
): Promise<number[]> {
  const subjects = subjectsOf(region);
  const pending: Promise<number>[] = [];
  const startMs = performance.now();
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setInterval(() => {
    const elapsedMs = performance.now() - startMs;
    if (elapsedMs >= forMs) return resolve();
    while (pending.length < (elapsedMs * perSecond) / 1_000) {
      const at = pending.length;
      const dueMs = startMs + (at * 1_000) / perSecond;
      const data = messages[at % messages.length] ?? new Uint8Array();
      const published = bus.publish(subjects[at % subjects.length] ?? '', data, {
        messageId: v7(),
        timeoutMs: deadlineMs,
      });
      pending.push(published.then(() => performance.now() - dueMs));
    }
  }, 1);
  await promise;
  clearInterval(timer);
  return Promise.all(pending);
}

/** A server of grpc-js that takes the same requests, and does nothing with them. @returns events per second. */
async function takeBare(request: Buffer, forMs: number): Promise<number> {
  const server = fork(new URL('./echo-server.js', import.meta.url), [String(answerBytes)]);
  const [port] = (await once(server, 'message')) as [number];
  const callers = Array.from(
    { length: clientsCount },
    () => new Caller(`127.0.0.1:${port}`, '/bench.Echo/Echo', request),
  );
  const rates = await Promise.all(callers.map((caller) => caller.saturate(forMs, inFlightEach)));
  for (const caller of callers) caller.close();
  server.disconnect();
  return rates.reduce((sum, rate) => sum + rate * requestEvents, 0);
}

const figure = (value: number): string => Math.round(value).toLocaleString('en');

const endingsOf = (refused: ReadonlyMap<string, number>): string =>
  [...refused].map(([kind, count]) => `${count} ${kind}`).join(', ') || 'none';

const timesOf = (latencies: readonly number[]): string => {
  const [p50, p99] = [0.5, 0.99].map((share) => quantile(latencies, share).toFixed(1));
  return `p50 ${p50} ms, p99 ${p99} ms`;
};

/** In turn, so that whatever else the machine does hits both. Last, as the publisher keeps the disk busy for a while. */
async function besideBare(
  mesh: TestMesh,
  bus: Bus,
  messages: readonly Uint8Array[],
  senders: Senders,
  requests: FreshRequests,
) {
  const [bare, taken, accept, streamed]: [number[], number[], number[], number[]] = [[], [], [], []];
  const { address } = mesh.process('ingestion-1');
  const streams = { address, key: mesh.meshKey, streams: clientsCount, inFlightEach, requests, forMs: roundMs };
  for (let round = 0; round < rounds; round++) {
    accept.push(await saturate(senders, requests, roundMs));
    streamed.push((await saturateStreams(streams)) * requestEvents);
    taken.push(await takeBare(requests.next(), roundMs));
    bare.push(await publishBare(bus, mesh.region, messages, roundMs));
  }
  const middle = (rates: readonly number[]): number => quantile(rates, 0.5);
  return { bare: middle(bare), taken: middle(taken), accept: middle(accept), streamed: middle(streamed) };
}

/** PostgreSQL is away meanwhile: what is measured ends at the log, and the writer waits. */
export async function benchAccept(mesh: TestMesh, bus: Bus): Promise<void> {
  const ingestion = mesh.process('ingestion-1');
  const senders = new Senders(ingestion.address, mesh.meshKey);
  const requests = new FreshRequests(requestEvents);
  await mesh.process('postgres').stop();
  // The first round warms up.
  await saturate(senders, requests, roundMs);
  const peak = await saturate(senders, requests, roundMs);
  const half = await offer(senders, requests, peak / 2 / requestEvents, halfLoadMs);
  const messages = batchesOf(eventsOf(20 * messageEvents, 0));
  const bareTimes = await offerBare(bus, mesh.region, messages, peak / 2 / messageEvents, halfLoadMs);
  const flood = await offer(senders, requests, (peak * overload) / requestEvents, overloadMs);
  const { accept, bare, taken, streamed } = await besideBare(mesh, bus, messages, senders, requests);
  console.log('\nTaking events in: one region, one NATS server, fsync before every acknowledgement');
  judge(`bare publisher, ${messageEvents} events a message`, `${figure(bare)} events/s`);
  const clients = `${clientsCount} clients, ${requestEvents} events a request`;
  const ratio = (rate: number): string => `${figure(rate)} events/s, ${(rate / bare).toFixed(2)}`;
  judge(`gRPC → durable log, ${clients}`, ratio(accept), atLeast(accept / bare, 0.5, 'of bare'));
  judge('  the same batches on a stream for each client', ratio(streamed), atLeast(streamed / bare, 0.5, 'of bare'));
  judge('bare grpc-js server that drops those requests', ratio(taken));
  const p99 = quantile(half.latencies, 0.99);
  judge(`at half of ${figure(peak)}/s, open loop`, timesOf(half.latencies), atMost(p99, 50, 'ms p99'));
  judge('the bare publisher at that rate', timesOf(bareTimes));
  judge('  requests refused at half load', endingsOf(half.refused), allExplicit(half.refused));
  const goodput = flood.acceptedPerSecond / peak;
  const offered = `offered ${figure(flood.sentPerSecond)}/s (${overload}×) for ${overloadMs / 1_000} s: goodput`;
  judge(offered, `${goodput.toFixed(2)} of peak`, atLeast(goodput, 0.8, 'of peak'));
  judge('  requests refused', endingsOf(flood.refused), allExplicit(flood.refused));
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
      if ((await senders.send(requests.next())) === 'accepted') accepted += requestEvents;
      if (accepted - looked < memoryEvents / 20) continue;
      looked = accepted;
      samples.push(residentBytes(ingestion.pid) / megabyte);
      await database.query({ name: '', text: 'truncate events.event, events.settled' });
    }
  };
  await Promise.all(Array.from({ length: clientsCount * inFlightEach }, lane));
  const rate = (accepted * 1_000) / (performance.now() - startMs);
  console.log(`\nMemory of ingestion over ${figure(accepted)} events, at ${figure(rate)}/s`);
  console.log(`  resident MiB: ${samples.map((sample) => sample.toFixed(0)).join(' ')}`);
  // The first half warms up: caches and the heap take what they will have.
  const half = samples.slice(samples.length >> 1);
  const growth = (half.at(-1) ?? 0) / (half[0] ?? 1);
  judge('  growth over the second half', `${growth.toFixed(2)} times`, atMost(growth, 1.1, 'times'));
  senders.close();
}
