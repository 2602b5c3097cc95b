import { join } from 'node:path';
import { readJson, writeJson } from './files.js';
import { isAlive, type ProcessId } from './proc.js';
import type { ProcessSpec } from './process-spec.js';

/** A process that was started, and how to start it again. */
export interface RunningProcess {
  readonly spec: ProcessSpec;
  readonly id: ProcessId;
  /** Hash of the spec that it was started with. */
  readonly hash: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** How often the supervisor brought it back. */
  readonly restarts: number;
}

/** What runs: `.sluice/run.json`. Holds passwords, so that only its owner can read it. */
export interface RunState {
  readonly processes: readonly RunningProcess[];
  readonly supervisor: ProcessId | undefined;
}

const nothing: RunState = { processes: [], supervisor: undefined };

export const runPath = (root: string): string => join(root, 'run.json');

export function readRun(root: string): RunState {
  return (readJson(runPath(root)) as RunState | undefined) ?? nothing;
}

export function writeRun(root: string, state: RunState): Promise<void> {
  return writeJson(runPath(root), state);
}

/** The same state with this process added, or put in the place of the one with its name. */
export function withProcess(state: RunState, process: RunningProcess): RunState {
  const isKnown = state.processes.some(({ spec }) => spec.name === process.spec.name);
  const processes = isKnown
    ? state.processes.map((one) => (one.spec.name === process.spec.name ? process : one))
    : [...state.processes, process];
  return { ...state, processes };
}

export function withoutProcess(state: RunState, name: string): RunState {
  return { ...state, processes: state.processes.filter(({ spec }) => spec.name !== name) };
}

export function isSupervised({ supervisor }: RunState): boolean {
  return supervisor !== undefined && isAlive(supervisor);
}
