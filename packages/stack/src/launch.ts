import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { problemOf } from './checks.js';
import { identify, isAlive, type ProcessId, signal } from './proc.js';
import type { ProcessSpec } from './process-spec.js';

/** A started process. */
export interface Launched extends ProcessId {
  readonly child: ChildProcess;
}

export const logPath = (logsFolder: string, name: string): string => join(logsFolder, `${name}.log`);

/**
 * Starts a process on its own: it outlives us, and what it prints is appended to its log file.
 * @throws Error when the program can't be executed.
 */
export async function launch(spec: ProcessSpec, logsFolder: string): Promise<Launched> {
  await mkdir(logsFolder, { recursive: true });
  const log = openSync(logPath(logsFolder, spec.name), 'a', 0o600);
  try {
    const child = spawn(spec.command, spec.args, {
      cwd: '/',
      detached: true,
      stdio: ['ignore', log, log],
      env: { PATH: process.env.PATH, HOME: process.env.HOME, LANG: 'C.UTF-8', ...spec.env },
      ...(spec.account ? { uid: spec.account.uid, gid: spec.account.gid } : {}),
    });
    await new Promise((resolve, reject) => child.once('spawn', resolve).once('error', reject));
    child.unref();
    const pid = child.pid ?? 0;
    return { child, pid, startTime: identify(pid)?.startTime ?? '' };
  } finally {
    closeSync(log);
  }
}

/** Did not become healthy. The message has the last lines of its log. */
export class StartFailure extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'StartFailure';
  }
}

const pollMs = 40;

/**
 * Waits until the process does its work.
 * @throws StartFailure when it ends or does not make it within `withinMs`.
 */
export async function awaitHealth(
  spec: ProcessSpec,
  id: ProcessId,
  logsFolder: string,
  withinMs: number,
): Promise<void> {
  const until = Date.now() + withinMs;
  for (;;) {
    if (!isAlive(id)) throw new StartFailure(failureOf(spec, logsFolder, 'ended'));
    const problem = await problemOf(spec.check);
    if (problem === undefined) return;
    if (Date.now() > until) {
      throw new StartFailure(failureOf(spec, logsFolder, `was not healthy after ${withinMs / 1000} s (${problem})`));
    }
    await sleep(pollMs);
  }
}

const lastLinesMax = 20;

function failureOf({ name }: ProcessSpec, logsFolder: string, what: string): string {
  const path = logPath(logsFolder, name);
  const lines = existsSync(path) ? readFileSync(path, 'utf8').trimEnd().split('\n').slice(-lastLinesMax) : [];
  return [`${name} ${what}. The last lines of ${path}:`, ...lines.map((line) => `  ${line}`)].join('\n');
}

/** Asks a process to stop, and ends it at the deadline. @returns whether it stopped by itself. */
export async function stopProcess(id: ProcessId, stopSignal: NodeJS.Signals, withinMs: number): Promise<boolean> {
  signal(id, stopSignal);
  if (await awaitEnd(id, withinMs)) return true;
  signal(id, 'SIGKILL');
  await awaitEnd(id, 2_000);
  return false;
}

/** @returns whether the process ended in time. */
export async function awaitEnd(id: ProcessId, withinMs: number): Promise<boolean> {
  const until = Date.now() + withinMs;
  while (isAlive(id)) {
    if (Date.now() > until) return false;
    await sleep(pollMs);
  }
  return true;
}
