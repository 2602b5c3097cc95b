import { problemOf } from './checks.js';
import { stackFolders } from './paths.js';
import { bad, formatTable, type Print, quiet } from './print.js';
import { isAlive } from './proc.js';
import { isSupervised, type RunningProcess, type RunState, readRun } from './run-file.js';

/** How one process does. */
export interface ProcessHealth {
  readonly process: RunningProcess;
  /** Why it does not do its work; nothing when it does. */
  readonly problem: string | undefined;
}

/** Asks every process of a stack. */
export function examine(state: RunState): Promise<ProcessHealth[]> {
  return Promise.all(
    state.processes.map(async (process) => ({
      process,
      problem: isAlive(process.id) ? await problemOf(process.spec.check) : 'not running',
    })),
  );
}

export function healthTable(healths: readonly ProcessHealth[]): string[] {
  const rows = healths.map(({ process: { spec, restarts }, problem }) => [
    spec.service,
    spec.name,
    spec.address,
    `${problem ?? 'healthy'}${restarts > 0 ? ` (brought back ${times(restarts)})` : ''}`,
  ]);
  const [heading = '', ...lines] = formatTable([['service', 'instance', 'address', 'health'], ...rows]);
  return [quiet(heading), ...lines.map((line, i) => (healths[i]?.problem === undefined ? line : bad(line)))];
}

/** Where the metrics of each service are scraped. */
export function metricsLines(processes: readonly RunningProcess[]): string[] {
  const rows = processes.flatMap(({ spec }) => (spec.metricsUrl ? [[spec.name, spec.metricsUrl]] : []));
  if (rows.length === 0) return [];
  const [heading = '', ...lines] = formatTable([['metrics', ''], ...rows]);
  return [quiet(heading), ...lines];
}

const times = (count: number): string => (count === 1 ? 'once' : `${count} times`);

/** Prints the table. @returns the exit code: 0 when everything is healthy. */
export async function status(print: Print, root = stackFolders().root): Promise<number> {
  const state = readRun(root);
  if (state.processes.length === 0) {
    print('Nothing is running. Start it with: make up');
    return 1;
  }
  const healths = await examine(state);
  for (const line of healthTable(healths)) print(line);
  print('');
  for (const line of metricsLines(state.processes)) print(line);
  if (!isSupervised(state)) {
    print('');
    print(bad('The supervisor is not running, so nothing that dies comes back. Bring it back with: make up'));
  }
  return isSupervised(state) && healths.every(({ problem }) => problem === undefined) ? 0 : 1;
}
