import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { readJson, writeJson } from './files.js';

/** What a checkout's stack remembers from one `make up` to the next: `.sluice/stack.json`. */
export interface StackSettings {
  /** Tells stacks of one machine apart. */
  readonly id: string;
  readonly basePort: number;
  /** Services send their traces to the tool of `make traces`. */
  readonly isTraced: boolean;
  /** The example project was loaded into the present data. */
  readonly isExampleLoaded: boolean;
}

const settingsPath = (root: string): string => join(root, 'stack.json');

export function readSettings(root: string): StackSettings | undefined {
  return readJson(settingsPath(root)) as StackSettings | undefined;
}

export function writeSettings(root: string, settings: StackSettings): Promise<void> {
  return writeJson(settingsPath(root), settings);
}

export function newSettings(basePort: number): StackSettings {
  return { id: randomBytes(4).toString('hex'), basePort, isTraced: false, isExampleLoaded: false };
}
