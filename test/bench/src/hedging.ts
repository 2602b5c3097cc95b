/** What a second copy of a slow call saves, and what it costs, beside retries and keepalive alone. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { Client, credentials } from '@grpc/grpc-js';
import { quantile } from './load.js';

const path = '/bench.Echo/Echo';
const request = Buffer.alloc(200, 1);
const timeoutMs = 2_000;
const roundMs = 4_000;
const servers = 3;
/** As Google's "The Tail at Scale" advises: about the 95th percentile of what calls take. */
const hedgingDelay = '0.02s';
const asIs = (bytes: Buffer): Buffer => bytes;

const policies = {
  'retries and keepalive': {
    retryPolicy: {
      ...{ maxAttempts: 4, initialBackoff: '0.02s', maxBackoff: '0.2s', backoffMultiplier: 2 },
      retryableStatusCodes: ['UNAVAILABLE'],
    },
  },
  'hedging and keepalive': {
    hedgingPolicy: { maxAttempts: 2, hedgingDelay, nonFatalStatusCodes: ['UNAVAILABLE'] },
  },
} as const;

type Policy = keyof typeof policies;

interface Case {
  readonly title: string;
  readonly perSecond: number;
  /** Arguments of each server. */
  readonly server: readonly string[];
  readonly isOneFrozen?: boolean;
}

const cases: readonly Case[] = [
  { title: 'one call in fifty hangs for 100 ms', perSecond: 200, server: ['0', '0.02', '100'] },
  { title: 'one of three servers is frozen', perSecond: 200, server: ['0', '0', '0'], isOneFrozen: true },
  { title: 'more is asked than servers can do', perSecond: 500, server: ['5', '0', '0'] },
];

interface Outcome {
  readonly failed: number;
  readonly latencies: readonly number[];
  /** Calls that came to servers, for each that was made. */
  readonly copies: number;
}

async function start(args: readonly string[]): Promise<{ child: ChildProcess; port: number }> {
  const child = fork(new URL('./uneven-server.js', import.meta.url), args);
  const [port] = (await once(child, 'message')) as [number];
  return { child, port };
}

async function callsAt(child: ChildProcess): Promise<number> {
  const answer = once(child, 'message');
  child.send('calls');
  return ((await answer) as [number])[0];
}

function connect(ports: readonly number[], policy: Policy): Client {
  const [, service, method] = path.split('/');
  const target = `ipv4:${ports.map((port) => `127.0.0.1:${port}`).join()}`;
  return new Client(target, credentials.createInsecure(), {
    'grpc.service_config': JSON.stringify({
      loadBalancingConfig: [{ round_robin: {} }],
      methodConfig: [{ name: [{ service, method }], ...policies[policy] }],
      retryThrottling: { maxTokens: 1_000, tokenRatio: 0.1 },
    }),
    'grpc.keepalive_time_ms': 1_000,
    'grpc.keepalive_timeout_ms': 500,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1_000,
    'grpc.use_local_subchannel_pool': 1,
    'grpc.enable_http_proxy': 0,
  });
}

function call(client: Client): Promise<void> {
  return new Promise((resolve, reject) => {
    const deadline = Date.now() + timeoutMs;
    client.makeUnaryRequest(path, asIs, asIs, request, { deadline }, (error) => (error ? reject(error) : resolve()));
  });
}

/** Calls at a fixed rate; latencies count from when each was due. */
async function load(client: Client, perSecond: number): Promise<{ failed: number; latencies: number[] }> {
  const latencies: number[] = [];
  const pending: Promise<void>[] = [];
  const startedMs = performance.now();
  let failed = 0;
  while (performance.now() - startedMs < roundMs) {
    for (; pending.length < ((performance.now() - startedMs) * perSecond) / 1_000; ) {
      const dueMs = startedMs + (pending.length * 1_000) / perSecond;
      const ended = call(client).catch(() => void failed++);
      pending.push(ended.then(() => void latencies.push(performance.now() - dueMs)));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(pending);
  return { failed, latencies };
}

async function run({ perSecond, server, isOneFrozen }: Case, policy: Policy): Promise<Outcome> {
  const started = await Promise.all(Array.from({ length: servers }, () => start(server)));
  const client = connect(
    started.map(({ port }) => port),
    policy,
  );
  try {
    // Connected to all of them before anything is measured.
    for (let warm = 0; warm < 20 * servers; warm++) await call(client);
    const [victim] = started;
    const before = await Promise.all(started.map(({ child }) => callsAt(child)));
    if (isOneFrozen) victim?.child.kill('SIGSTOP');
    const { failed, latencies } = await load(client, perSecond);
    victim?.child.kill('SIGCONT');
    const after = await Promise.all(started.map(({ child }) => callsAt(child)));
    const came = after.reduce((sum, count) => sum + count, 0) - before.reduce((sum, count) => sum + count, 0);
    return { failed, latencies, copies: came / latencies.length };
  } finally {
    client.close();
    for (const { child } of started) child.kill('SIGKILL');
  }
}

export async function benchHedging(): Promise<void> {
  console.log('\nhedging: a second copy after 20 ms, to whichever server is next');
  for (const one of cases) {
    console.log(`  ${one.title}, ${one.perSecond} calls/s`);
    for (const policy of Object.keys(policies) as Policy[]) {
      const { failed, latencies, copies } = await run(one, policy);
      const [p50, p99] = [0.5, 0.99].map((share) => quantile(latencies, share).toFixed(0).padStart(5));
      const share = ((100 * failed) / latencies.length).toFixed(1).padStart(5);
      console.log(
        `    ${policy.padEnd(24)}p50 ${p50} ms  p99 ${p99} ms  ${share} % failed  ${copies.toFixed(2)}× the calls`,
      );
    }
  }
}
