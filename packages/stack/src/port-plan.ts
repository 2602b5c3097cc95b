import { isFree } from './ports.js';
import { StackProblem } from './problem.js';
import { describeHolder } from './proc.js';

/** Everything that listens, as the distance from the base port. */
const offsets = {
  consulHttp: 0,
  consulRpc: 1,
  consulSerfLan: 2,
  consulSerfWan: 3,
  nats: 10,
  natsMonitor: 11,
  natsCluster: 12,
  natsLeaf: 13,
  postgres: 20,
  config: 30,
  configMetrics: 35,
  evaluation1: 40,
  evaluation2: 41,
  evaluation1Metrics: 45,
  evaluation2Metrics: 46,
  ingestion: 50,
  ingestionMetrics: 55,
  health: 60,
  healthMetrics: 65,
  traces: 80,
  tracesGrpc: 81,
} as const;

export type PortName = keyof typeof offsets;
/** The port of everything that listens. */
export type PortPlan = Readonly<Record<PortName, number>>;

export function planPorts(base: number): PortPlan {
  const entries = Object.entries(offsets).map(([name, offset]) => [name, base + offset]);
  return Object.fromEntries(entries) as Record<PortName, number>;
}

const lowest = 1_024;
/** A block of 100 has to fit below 65536. */
const highest = 65_400;

/** @throws StackProblem when the text is not a base port. */
export function parseBasePort(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port >= lowest && port <= highest) return port;
  throw new StackProblem(
    `PORT is ${JSON.stringify(text)}: it must be a whole number from ${lowest} to ${highest}; the stack uses the 100 ports from there.`,
  );
}

const loopback = '127.0.0.1';
const firstBlock = 7_400;
const blockSize = 100;
const blocksMax = 50;

/** The first block from 7400 on in which every port is free on all of the hosts; loopback unless said. */
export async function findFreeBlock(hosts: readonly string[] = [loopback]): Promise<number> {
  for (let block = 0; block < blocksMax; block += 1) {
    const base = firstBlock + block * blockSize;
    const free = await Promise.all(
      hosts.flatMap((host) => Object.values(planPorts(base)).map((port) => isFree(port, host))),
    );
    if (free.every(Boolean)) return base;
  }
  const last = firstBlock + blocksMax * blockSize - 1;
  throw new StackProblem(
    `No block of 100 ports is free between ${firstBlock} and ${last}. Say one: make up PORT=20000`,
  );
}

/** A port, and what wants it. */
export interface WantedPort {
  readonly name: string;
  readonly port: number;
  /** Loopback unless said. */
  readonly host?: string | undefined;
}

/** @throws StackProblem naming each port that is taken, and by whom. */
export async function requireFree(wanted: readonly WantedPort[]): Promise<void> {
  const free = await Promise.all(wanted.map(({ port, host }) => isFree(port, host)));
  const taken = wanted.filter((_, i) => !free[i]);
  if (taken.length === 0) return;
  const block = await findFreeBlock();
  throw new StackProblem(
    [...describeTaken(taken), `Stop it, or let the stack use another block of 100 ports: make up PORT=${block}`].join(
      '\n',
    ),
  );
}

/** One sentence for each process that holds ports. */
function describeTaken(taken: readonly WantedPort[]): string[] {
  const byHolder = Map.groupBy(taken, ({ port }) => describeHolder(port));
  return Array.from(byHolder, ([holder, ports]) => {
    const names = [...new Set(ports.map(({ name }) => name))].join(' and ');
    const isOne = ports.length === 1;
    const numbers = ports.map(({ port }) => port).join(', ');
    return `Port${isOne ? '' : 's'} ${numbers}, wanted by ${names}, ${isOne ? 'is' : 'are'} held by ${holder}.`;
  });
}
