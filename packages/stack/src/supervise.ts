import { copyFileSync, statSync, truncateSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { backoff } from '@sluice/mesh';
import { launch, logPath } from './launch.js';
import { isAlive } from './proc.js';
import { hashOf } from './process-spec.js';
import { readHalted } from './region-control.js';
import { type RunningProcess, type RunState, withProcess, writeRun } from './run-file.js';

const pollMs = 150;
const firstWaitMs = 200;
const longestWaitMs = 5_000;
/** A process that lived this long is forgiven its earlier deaths. */
const forgivenAfterMs = 30_000;
const logBytesMax = 16 * 1024 * 1024;

export interface SuperviseOptions {
  /** Where the run file is kept. */
  readonly root: string;
  readonly logsFolder: string;
  readonly signal: AbortSignal;
  /** Told in a sentence what happened. */
  readonly say: (sentence: string) => void;
}

/** A death that was noticed, and when the process comes back. */
interface Fall {
  readonly attempt: number;
  readonly returnsAt: number;
}

/**
 * Brings back each process that dies, sooner the first time than the tenth, until told to stop.
 * It needs not be their parent: whoever watches the run file next adopts them as they are.
 */
export async function supervise(initial: RunState, options: SuperviseOptions): Promise<void> {
  let state = initial;
  const falls = new Map<string, Fall>();
  while (!options.signal.aborted) {
    const halted = readHalted(options.root);
    for (const process of state.processes) {
      if (process.spec.region !== undefined && halted.includes(process.spec.region)) continue;
      const revived = await look(process, falls, options);
      if (!revived) continue;
      state = withProcess(state, revived);
      await writeRun(options.root, state);
    }
    await sleep(pollMs, undefined, { signal: options.signal }).catch(() => undefined);
  }
}

/** @returns the process in its next life, when this look began one. */
async function look(
  process: RunningProcess,
  falls: Map<string, Fall>,
  { logsFolder, signal, say }: SuperviseOptions,
): Promise<RunningProcess | undefined> {
  const { spec, id, startedAt, restarts } = process;
  boundLog(logPath(logsFolder, spec.name));
  const fall = falls.get(spec.name);
  if (isAlive(id)) {
    if (fall && Date.now() - startedAt > forgivenAfterMs) falls.delete(spec.name);
    return undefined;
  }
  if (!fall || fall.returnsAt < startedAt) {
    const attempt = fall ? fall.attempt + 1 : 0;
    const waitMs = Math.round(backoff(attempt, firstWaitMs, longestWaitMs));
    falls.set(spec.name, { attempt, returnsAt: Date.now() + waitMs });
    say(`${spec.name} (process ${id.pid}) ended; it comes back in ${waitMs} ms`);
    return undefined;
  }
  if (Date.now() < fall.returnsAt || signal.aborted) return undefined;
  try {
    const launched = await launch(spec, logsFolder);
    say(`${spec.name} is back as process ${launched.pid}`);
    return {
      spec,
      id: { pid: launched.pid, startTime: launched.startTime },
      hash: hashOf(spec),
      startedAt: Date.now(),
      restarts: restarts + 1,
    };
  } catch (error) {
    const attempt = fall.attempt + 1;
    falls.set(spec.name, { attempt, returnsAt: Date.now() + backoff(attempt, firstWaitMs, longestWaitMs) });
    say(`${spec.name} can't be started: ${(error as Error).message}`);
    return undefined;
  }
}

/** Writers append, so that a log can be emptied under them; the last full one is kept beside it. */
export function boundLog(path: string, bytesMax = logBytesMax): void {
  const { size } = statSync(path, { throwIfNoEntry: false }) ?? { size: 0 };
  if (size <= bytesMax) return;
  copyFileSync(path, `${path}.1`);
  truncateSync(path, 0);
}
