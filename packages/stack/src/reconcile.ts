import { ensureDatabase } from './databases.js';
import { awaitHealth, launch, stopProcess } from './launch.js';
import type { Folders } from './paths.js';
import type { StackPlan } from './plan.js';
import { requireFree } from './port-plan.js';
import { formatStep, type Print } from './print.js';
import { isAlive } from './proc.js';
import { hashOf, type ProcessSpec } from './process-spec.js';
import { type RunningProcess, type RunState, withoutProcess, withProcess, writeRun } from './run-file.js';
import { stopLayers, stopWithinMs } from './stop-layers.js';

const startWithinMs = 30_000;

/** Processes of the run that can stay as they are. */
export function findKept(plan: StackPlan, run: RunState): RunningProcess[] {
  const wanted = new Map(plan.layers.flat().map((spec) => [spec.name, hashOf(spec)]));
  return run.processes.filter(({ spec, id, hash }) => isAlive(id) && wanted.get(spec.name) === hash);
}

/**
 * Makes what runs equal to the plan: stops what should be different, then starts what is missing,
 * layer by layer, each awaited by its health check. What was started is on record at any moment.
 * @throws StackProblem for taken ports, StartFailure with the last log lines.
 */
export async function reconcile(plan: StackPlan, run: RunState, folders: Folders, print: Print): Promise<RunState> {
  const kept = findKept(plan, run);
  const record = new RunRecord(folders.root, { processes: kept, supervisor: undefined });
  await stopOthers(run, kept);
  await record.save();
  const missing = new Set(plan.layers.flat().filter(({ name }) => !kept.some(({ spec }) => spec.name === name)));
  await requireFree(
    [...missing].flatMap(({ name, ports, address }) => ports.map((port) => ({ name, port, host: hostOf(address) }))),
  );
  for (const layer of plan.layers) {
    const outcomes = await Promise.allSettled(
      layer.filter((spec) => missing.has(spec)).map((spec) => startOne(spec, plan, record, folders, print)),
    );
    const failure = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failure) throw failure.reason;
  }
  return record.inOrderOf(plan);
}

const hostOf = (address: string): string => address.replace(/:\d+$/, '');

async function stopOthers(run: RunState, kept: readonly RunningProcess[]): Promise<void> {
  const others = run.processes.filter((process) => !kept.includes(process) && isAlive(process.id));
  for (const layer of stopLayers(others)) {
    await Promise.all(layer.map(({ id, spec }) => stopProcess(id, spec.stopSignal, stopWithinMs)));
  }
}

async function startOne(
  spec: ProcessSpec,
  plan: StackPlan,
  record: RunRecord,
  folders: Folders,
  print: Print,
): Promise<void> {
  const startedAt = Date.now();
  const { pid, startTime } = await launch(spec, folders.logs);
  const id = { pid, startTime };
  await record.add({ spec, id, hash: hashOf(spec), startedAt, restarts: 0 });
  try {
    await awaitHealth(spec, id, folders.logs, startWithinMs);
    if (spec.service === 'postgres' && plan.adminUrl) {
      await ensureDatabase(plan.adminUrl, new URL(plan.databaseUrl).pathname.slice(1));
    }
  } catch (error) {
    print(formatStep(spec.name, 'failed', Date.now() - startedAt));
    await stopProcess(id, spec.stopSignal, stopWithinMs);
    await record.remove(spec.name);
    throw error;
  }
  print(formatStep(spec.name, 'ready', Date.now() - startedAt));
}

/** The run file while processes of a layer start side by side: one write after the other. */
class RunRecord {
  readonly #root: string;
  #state: RunState;
  #written: Promise<void> = Promise.resolve();

  constructor(root: string, state: RunState) {
    this.#root = root;
    this.#state = state;
  }

  add(process: RunningProcess): Promise<void> {
    this.#state = withProcess(this.#state, process);
    return this.save();
  }

  remove(name: string): Promise<void> {
    this.#state = withoutProcess(this.#state, name);
    return this.save();
  }

  save(): Promise<void> {
    this.#written = this.#written.then(() => writeRun(this.#root, this.#state));
    return this.#written;
  }

  inOrderOf(plan: StackPlan): RunState {
    const order = plan.layers.flat().map(({ name }) => name);
    const processes = [...this.#state.processes].sort(
      (a, b) => order.indexOf(a.spec.name) - order.indexOf(b.spec.name),
    );
    return { ...this.#state, processes };
  }
}
