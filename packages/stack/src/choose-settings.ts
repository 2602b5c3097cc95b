import { findFreeBlock, parseBasePort } from './port-plan.js';
import { StackProblem } from './problem.js';
import { isAlive } from './proc.js';
import { hostsOf, parseNatsNodes, parseRegions, planRegions } from './regions.js';
import type { RunState } from './run-file.js';
import { newSettings, readSettings, type StackSettings } from './settings.js';

/** What a person may say on the command line of `make up`. */
export interface UpWishes {
  readonly basePort: number | undefined;
  /** Send traces to the tool of `make traces`; as before when not said. */
  readonly isTraced: boolean | undefined;
  /** Home first; as before when not said. */
  readonly regions?: readonly string[] | undefined;
  readonly natsNodes?: 1 | 3 | undefined;
}

/** @throws StackProblem when a wish can't be understood. */
export function readWishes(env: NodeJS.ProcessEnv): UpWishes {
  const port = env.PORT || env.SLUICE_BASE_PORT;
  return {
    basePort: port ? parseBasePort(port) : undefined,
    regions: env.REGIONS ? parseRegions(env.REGIONS) : undefined,
    natsNodes: env.NATS_NODES ? parseNatsNodes(env.NATS_NODES) : undefined,
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
  if (!remembered) {
    const settings = withWishes(newSettings(wished ?? 0), wishes);
    const hosts = hostsOf(planRegions(settings.regions), settings.natsNodes);
    return { ...settings, basePort: wished ?? (await findFreeBlock(hosts)) };
  }
  const isRunning = run.processes.some(({ id }) => isAlive(id));
  if (isRunning && wished !== undefined && wished !== remembered.basePort) {
    throw new StackProblem(
      `This stack is up on port ${remembered.basePort}. To move it: make down && make up PORT=${wished}`,
    );
  }
  const settings = withWishes(remembered, wishes);
  const isOther = settings.regions.join() !== remembered.regions.join() || settings.natsNodes !== remembered.natsNodes;
  if (isRunning && isOther) {
    throw new StackProblem(
      `This stack is up with REGIONS=${remembered.regions.join()} NATS_NODES=${remembered.natsNodes}. To change them: make down, then make up again.`,
    );
  }
  return settings;
}

function withWishes(settings: StackSettings, { basePort, isTraced, regions, natsNodes }: UpWishes): StackSettings {
  return {
    ...settings,
    basePort: basePort ?? settings.basePort,
    isTraced: isTraced ?? settings.isTraced,
    regions: regions ?? settings.regions,
    natsNodes: natsNodes ?? settings.natsNodes,
  };
}
