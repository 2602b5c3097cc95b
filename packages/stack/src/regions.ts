import { StackProblem } from './problem.js';

/** A region of the stack: a part with a loopback host of its own, so that all regions use the same ports. */
export interface Region {
  /** Also its Consul datacenter and its JetStream domain. */
  readonly name: string;
  readonly host: string;
  /** Where config and PostgreSQL are, and where all events end up. */
  readonly isHome: boolean;
  /** Before the names of its processes; empty where there is one region only. */
  readonly prefix: string;
}

/** The one region of a stack that nobody asked to have several. */
export const loneRegion = 'local';

const regionsMax = 8;

/** The first is home. */
export function planRegions(names: readonly string[]): Region[] {
  const isAlone = names.length === 1;
  return names.map((name, index) => ({
    name,
    host: isAlone ? '127.0.0.1' : `127.0.${index + 1}.1`,
    isHome: index === 0,
    prefix: isAlone ? '' : `${name}-`,
  }));
}

/** Every host that a stack of these regions may listen on. */
export function hostsOf(regions: readonly Region[], natsNodes: 1 | 3): string[] {
  return regions.flatMap((region) => Array.from({ length: natsNodes }, (_, index) => hostOfNode(region, index)));
}

/** Host of one of several servers of a region, from 0: the first is at the region's own. */
export function hostOfNode({ host }: Region, index: number): string {
  return index === 0 ? host : host.replace(/\d+$/, String(10 + index));
}

/** @throws StackProblem when the text names no regions. */
export function parseRegions(text: string): string[] {
  const names = text.split(',').map((name) => name.trim());
  const isNamed = names.every((name) => /^[a-z][a-z0-9]{0,15}$/.test(name));
  if (!isNamed || names.length > regionsMax || new Set(names).size < names.length) {
    throw new StackProblem(
      `REGIONS is ${JSON.stringify(text)}: it must be 1 to ${regionsMax} different names of small letters and digits, home first: make up REGIONS=us,eu`,
    );
  }
  return names;
}

/** @throws StackProblem when the text is neither 1 nor 3. */
export function parseNatsNodes(text: string): 1 | 3 {
  if (text === '1') return 1;
  if (text === '3') return 3;
  throw new StackProblem(`NATS_NODES is ${JSON.stringify(text)}: it must be 1 or 3.`);
}
