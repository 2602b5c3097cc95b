import type { RunningProcess, RunState } from './run-file.js';

/** Services give themselves 10 s to let calls end; what takes longer is ended. */
export const stopWithinMs = 12_000;

/** Callers go before those they call: the services, config after the others, then the servers. */
export function stopLayers(processes: RunState['processes']): RunState['processes'][] {
  const rank = ({ spec }: RunningProcess): number =>
    spec.check.kind !== 'grpc' ? 2 : spec.service === 'config' ? 1 : 0;
  return [0, 1, 2].map((wanted) => processes.filter((process) => rank(process) === wanted));
}
