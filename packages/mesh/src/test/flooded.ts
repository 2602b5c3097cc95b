import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { type Client, createClient } from '../client.js';
import type { ServerLimits } from '../server-limits.js';
import { meshKey, scripted } from './scripted-server.js';

export interface FloodedOptions {
  readonly limits: Partial<ServerLimits>;
  /** What each call costs, in milliseconds of the server's only thread. */
  readonly workMs: number;
  readonly maxReceiveBytes?: number;
}

/** A real server in its own process, to be flooded. */
export interface Flooded {
  readonly port: number;
  /** The sum of a counter's series, or of those with the label text. */
  metric(name: string, label?: string): Promise<number>;
  /** What is still held after garbage was collected, in bytes. */
  heapBytes(): Promise<number>;
  client(key?: string): Client<typeof scripted>;
}

/** Gives `use` such a server, and fails when it does not live to the end. */
export async function withFlooded(options: FloodedOptions, use: (server: Flooded) => Promise<void>): Promise<void> {
  const child = fork(new URL('./flooded-child.js', import.meta.url), [JSON.stringify(options)], {
    execArgv: ['--expose-gc'],
  });
  const clients: Client<typeof scripted>[] = [];
  try {
    const [{ port, metricsUrl }] = (await once(child, 'message')) as [{ port: number; metricsUrl: string }];
    await use({
      port,
      metric: async (name, label = '') => sumOf(await (await fetch(metricsUrl)).text(), name, label),
      heapBytes: () => heapOf(child),
      client: (key = meshKey) => {
        const client = createClient(scripted, { target: `static:///127.0.0.1:${port}`, key });
        clients.push(client);
        return client;
      },
    });
    if (child.exitCode !== null || child.signalCode !== null) throw new Error('the server died of the flood');
  } finally {
    for (const client of clients) client.close();
    child.kill('SIGKILL');
  }
}

async function heapOf(child: ChildProcess): Promise<number> {
  child.send('heap');
  const [{ heapBytes }] = (await once(child, 'message')) as [{ heapBytes: number }];
  return heapBytes;
}

function sumOf(text: string, name: string, label: string): number {
  const lines = text
    .split('\n')
    .filter((line) => (line.startsWith(`${name}{`) || line.startsWith(`${name} `)) && line.includes(label));
  return lines.reduce((sum, line) => sum + Number(line.split(' ')[1]), 0);
}

/** How one stream of calls fared. Latencies count from when a call was due, in milliseconds. */
export interface Fared {
  answered: number;
  failed: number;
  readonly latenciesMs: number[];
}

/** Calls at a fixed rate, whatever comes back, until `isOver`. */
export async function callAtRate(
  call: () => Promise<unknown>,
  perSecond: number,
  isOver: () => boolean,
): Promise<Fared> {
  const fared: Fared = { answered: 0, failed: 0, latenciesMs: [] };
  const pending = new Set<Promise<void>>();
  const startedMs = performance.now();
  for (let sent = 0; !isOver(); ) {
    const dueMs = startedMs + (sent * 1_000) / perSecond;
    if (dueMs > performance.now()) {
      await new Promise((resolve) => setTimeout(resolve, 1));
      continue;
    }
    sent++;
    const one = call().then(
      () => {
        fared.answered++;
        fared.latenciesMs.push(performance.now() - dueMs);
      },
      () => void fared.failed++,
    );
    pending.add(one);
    void one.finally(() => pending.delete(one));
  }
  await Promise.all(pending);
  return fared;
}

/** The latency that 99 of 100 calls keep. */
export function p99({ latenciesMs }: Fared): number {
  const sorted = [...latenciesMs].sort((a, b) => a - b);
  return sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.POSITIVE_INFINITY;
}

/** Whether a claim comes true in time. */
export async function within(ms: number, claim: () => boolean | Promise<boolean>): Promise<boolean> {
  const untilMs = performance.now() + ms;
  while (performance.now() < untilMs) {
    if (await claim()) return true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return false;
}
