import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { readJson, writeJson } from './files.js';
import { loneRegion } from './regions.js';

/** What a checkout's stack remembers from one `make up` to the next: `.sluice/stack.json`. */
export interface StackSettings {
  /** Tells stacks of one machine apart. */
  readonly id: string;
  readonly basePort: number;
  /** Home first. */
  readonly regions: readonly string[];
  /** Servers of each region's NATS. */
  readonly natsNodes: 1 | 3;
  /** Services send their traces to the tool of `make traces`. */
  readonly isTraced: boolean;
  /** The example project was loaded into the present data. */
  readonly isExampleLoaded: boolean;
}

const settingsPath = (root: string): string => join(root, 'stack.json');

export function readSettings(root: string): StackSettings | undefined {
  const settings = readJson(settingsPath(root)) as Partial<StackSettings> | undefined;
  return settings && ({ regions: [loneRegion], natsNodes: 1, ...settings } as StackSettings);
}

export function writeSettings(root: string, settings: StackSettings): Promise<void> {
  return writeJson(settingsPath(root), settings);
}

export function newSettings(basePort: number): StackSettings {
  const id = randomBytes(4).toString('hex');
  return { id, basePort, regions: [loneRegion], natsNodes: 1, isTraced: false, isExampleLoaded: false };
}
