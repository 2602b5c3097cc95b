import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { readJson } from './files.js';
import { StackProblem } from './problem.js';
import { identify, isAlive, type ProcessId } from './proc.js';

/**
 * Runs `act` while nobody else changes this stack.
 * @throws StackProblem when somebody does; the lock of a process that is gone is taken over.
 */
export async function withLock<T>(root: string, act: () => Promise<T>): Promise<T> {
  const path = join(root, 'lock');
  await mkdir(root, { recursive: true });
  await take(path);
  try {
    return await act();
  } finally {
    await rm(path, { force: true });
  }
}

const triesMax = 3;

async function take(path: string): Promise<void> {
  for (let tries = 0; tries < triesMax; tries += 1) {
    try {
      const file = await open(path, 'wx', 0o600);
      await file.writeFile(JSON.stringify(identify(process.pid)));
      await file.close();
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const holder = holderOf(path);
      if (holder && isAlive(holder)) {
        throw new StackProblem(`Process ${holder.pid} is starting or stopping this stack right now. Wait for it.`);
      }
      await rm(path, { force: true });
    }
  }
  throw new StackProblem(`${path} is taken again and again. Are several commands starting this stack?`);
}

function holderOf(path: string): ProcessId | undefined {
  try {
    return readJson(path) as ProcessId | undefined;
  } catch {
    // Empty: its writer died between making and filling it.
    return undefined;
  }
}
