import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readJson, writeJson } from './files.js';
import { withLock } from './lock.js';
import { stackFolders } from './paths.js';
import type { Print } from './print.js';
import { StackProblem } from './problem.js';
import { isAlive, signal } from './proc.js';
import { isSupervised, type RunningProcess, type RunState, readRun } from './run-file.js';
import { examine } from './status.js';

export const haltedPath = (root: string): string => join(root, 'halted.json');
const startWithinMs = 60_000;
const pollMs = 200;

/** Regions that are down because somebody wants them to be: their processes are not brought back. */
export function readHalted(root: string): readonly string[] {
  return (readJson(haltedPath(root)) as string[] | undefined) ?? [];
}

/** Kills a whole region at once, as a fire would, and keeps it down. @throws StackProblem */
export function stopRegion(name: string, print: Print, { root } = stackFolders()): Promise<void> {
  return withLock(root, async () => {
    const processes = processesOf(readRun(root), name);
    await writeJson(haltedPath(root), [...new Set([...readHalted(root), name])]);
    const alive = processes.filter(({ id }) => isAlive(id));
    for (const { id } of alive) signal(id, 'SIGKILL');
    print(`Region ${name} is down: ${alive.length} processes killed. Bring it back with: sluice region start ${name}`);
  });
}

/** Lets a region come back, and waits until it does its work. @throws StackProblem */
export function startRegion(name: string, print: Print, { root } = stackFolders()): Promise<void> {
  return withLock(root, async () => {
    processesOf(readRun(root), name);
    await writeJson(
      haltedPath(root),
      readHalted(root).filter((halted) => halted !== name),
    );
    const before = Date.now();
    let ill: string[] = [];
    for (const until = before + startWithinMs; Date.now() < until; await sleep(pollMs)) {
      const state = readRun(root);
      const healths = await examine({ ...state, processes: processesOf(state, name) });
      ill = healths.filter(({ problem }) => problem !== undefined).map(({ process }) => process.spec.name);
      if (ill.length > 0) continue;
      print(`Region ${name} is up again, after ${((Date.now() - before) / 1000).toFixed(1)} s.`);
      return;
    }
    throw new StackProblem(`Region ${name} did not come back within ${startWithinMs / 1000} s: ${ill.join(', ')}.`);
  });
}

function processesOf(state: RunState, name: string): RunningProcess[] {
  const regions = [...new Set(state.processes.flatMap(({ spec }) => spec.region ?? []))];
  if (!isSupervised(state)) throw new StackProblem('This stack is not up. Start it with: make up REGIONS=us,eu');
  if (!regions.includes(name)) {
    throw new StackProblem(`There is no region ${JSON.stringify(name)} here; there are: ${regions.join(', ')}.`);
  }
  return state.processes.filter(({ spec }) => spec.region === name);
}
