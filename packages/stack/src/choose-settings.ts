import { findFreeBlock, parseBasePort } from './port-plan.js';
import { StackProblem } from './problem.js';
import { isAlive } from './proc.js';
import type { RunState } from './run-file.js';
import { newSettings, readSettings, type StackSettings } from './settings.js';

/** What a person may say on the command line of `make up`. */
export interface UpWishes {
  readonly basePort: number | undefined;
  /** Send traces to the tool of `make traces`; as before when not said. */
  readonly isTraced: boolean | undefined;
}

/** @throws StackProblem when a wish can't be understood. */
export function readWishes(env: NodeJS.ProcessEnv): UpWishes {
  const port = env.PORT || env.SLUICE_BASE_PORT;
  return {
    basePort: port ? parseBasePort(port) : undefined,
    isTraced: env.TRACES ? !['0', 'no', 'false', 'off'].includes(env.TRACES.toLowerCase()) : undefined,
  };
}

/**
 * What was remembered, changed by what is wished. The base port is chosen once, at the first start.
 * @throws StackProblem when the port should change under a running stack.
 */
export async function chooseSettings(root: string, wishes: UpWishes, run: RunState): Promise<StackSettings> {
  const remembered = readSettings(root);
  const wished = wishes.basePort;
  if (!remembered) return { ...newSettings(wished ?? (await findFreeBlock())), isTraced: wishes.isTraced ?? false };
  const isRunning = run.processes.some(({ id }) => isAlive(id));
  if (isRunning && wished !== undefined && wished !== remembered.basePort) {
    throw new StackProblem(
      `This stack is up on port ${remembered.basePort}. To move it: make down && make up PORT=${wished}`,
    );
  }
  return {
    ...remembered,
    basePort: wished ?? remembered.basePort,
    isTraced: wishes.isTraced ?? remembered.isTraced,
  };
}
