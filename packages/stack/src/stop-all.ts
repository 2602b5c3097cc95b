import { rm } from 'node:fs/promises';
import { stopProcess } from './launch.js';
import type { Folders } from './paths.js';
import { formatStep, type Print } from './print.js';
import { isAlive } from './proc.js';
import { haltedPath } from './region-control.js';
import { healAll } from './region-partition.js';
import { type RunningProcess, readRun, runPath } from './run-file.js';
import { readSettings } from './settings.js';
import { stopLayers, stopWithinMs } from './stop-layers.js';
import { stopSupervisor } from './supervision.js';

/** Ends the supervisor, then everything that it watched. @returns whether anything ran. */
export async function stopAll(folders: Folders, print: Print): Promise<boolean> {
  await stopSupervisor(readRun(folders.root));
  // Read again: it may have brought something back a moment ago.
  const alive = readRun(folders.root).processes.filter(({ id }) => isAlive(id));
  for (const layer of stopLayers(alive)) await Promise.all(layer.map((process) => stopOne(process, print)));
  await rm(runPath(folders.root), { force: true });
  await rm(haltedPath(folders.root), { force: true });
  const settings = readSettings(folders.root);
  if (settings && settings.regions.length > 1) await healAll(settings.id);
  return alive.length > 0;
}

async function stopOne({ spec, id }: RunningProcess, print: Print): Promise<void> {
  const before = Date.now();
  const isClean = await stopProcess(id, spec.stopSignal, stopWithinMs);
  print(formatStep(spec.name, isClean ? 'stopped' : 'killed', Date.now() - before));
}
