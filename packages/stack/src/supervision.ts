import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { launch, stopProcess } from './launch.js';
import type { Folders } from './paths.js';
import { isSupervised, type RunState, readRun, writeRun } from './run-file.js';

const startWithinMs = 10_000;
const stopWithinMs = 5_000;
const pollMs = 20;

/** Starts a supervisor for what runs, unless one is at work. @returns the state with its number in it. */
export async function startSupervisor(folders: Folders, state: RunState): Promise<RunState> {
  if (isSupervised(state)) return state;
  // Written first: the supervisor reads what it has to watch.
  await writeRun(folders.root, state);
  const spec = {
    name: 'supervisor',
    service: 'supervisor',
    command: process.execPath,
    args: [fileURLToPath(new URL('supervisor.js', import.meta.url)), folders.root],
    env: {},
    address: '',
    ports: [],
    check: { kind: 'http' as const, url: '' },
    stopSignal: 'SIGTERM' as const,
    fingerprint: '',
  };
  const { pid } = await launch(spec, folders.logs);
  return awaitSupervisor(folders, pid);
}

/** From its start on the supervisor alone writes the run file: its own number is the first thing. */
async function awaitSupervisor({ root }: Folders, pid: number): Promise<RunState> {
  const until = Date.now() + startWithinMs;
  for (;;) {
    const state = readRun(root);
    if (state.supervisor?.pid === pid && isSupervised(state)) return state;
    if (Date.now() > until) throw new Error(`The supervisor (process ${pid}) did not start; its log says why.`);
    await sleep(pollMs);
  }
}

/** Ends the supervisor and leaves alone what it watches, so that somebody else may change it. */
export async function stopSupervisor({ supervisor }: RunState): Promise<void> {
  if (supervisor) await stopProcess(supervisor, 'SIGTERM', stopWithinMs);
}
