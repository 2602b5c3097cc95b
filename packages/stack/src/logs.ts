import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { logPath } from './launch.js';
import { stackFolders } from './paths.js';
import { type Print, quiet } from './print.js';
import { StackProblem } from './problem.js';

const linesOfOne = 200;
const linesOfEach = 20;
const followPollMs = 250;

export interface LogsOptions {
  /** One process, such as `evaluation-1`; all when absent. */
  readonly name: string | undefined;
  /** Go on with what is added, until stopped. */
  readonly isFollowed: boolean;
}

/** Prints the last lines of one log, or of all with the name before each line. @throws StackProblem for an unknown name. */
export async function logs({ name, isFollowed }: LogsOptions, print: Print): Promise<number> {
  const folder = stackFolders().logs;
  const names = existsSync(folder) ? namesIn(readdirSync(folder)) : [];
  if (name !== undefined && !names.includes(name)) {
    throw new StackProblem(`There is no log of ${name}. There are: ${names.join(', ') || 'none yet; type make up'}.`);
  }
  const wanted = name === undefined ? names : [name];
  const width = Math.max(0, ...wanted.map(({ length }) => length));
  const seen = new Map<string, number>();
  const show = (one: string, linesMax: number): void => {
    const text = readFileSync(logPath(folder, one), 'utf8');
    const from = seen.get(one) ?? 0;
    // Shorter than before: it was emptied because it had grown too long.
    const added = text.length < from ? text : text.slice(from);
    seen.set(one, text.length);
    const prefix = name === undefined ? `${quiet(one.padEnd(width))}  ` : '';
    for (const line of lastLines(added, linesMax)) print(`${prefix}${line}`);
  };
  for (const one of wanted) show(one, name === undefined ? linesOfEach : linesOfOne);
  while (isFollowed) {
    await sleep(followPollMs);
    for (const one of wanted) show(one, Number.POSITIVE_INFINITY);
  }
  return 0;
}

export function namesIn(files: readonly string[]): string[] {
  return files
    .filter((file) => file.endsWith('.log'))
    .map((file) => file.slice(0, -'.log'.length))
    .sort();
}

export function lastLines(text: string, linesMax: number): string[] {
  const trimmed = text.trimEnd();
  return trimmed === '' ? [] : trimmed.split('\n').slice(-linesMax);
}
