import { type ChildProcess, spawn } from 'node:child_process';
import { chmod, mkdtemp, rm } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Charge, writeCharge } from './charge.js';

let guardian: ChildProcess | undefined;

/** Tells the guardian, which is started with the first charge. It does not keep this process alive. */
export function tellGuardian(charge: Charge): void {
  guardian ??= startGuardian();
  guardian.stdin?.write(writeCharge(charge));
}

function startGuardian(): ChildProcess {
  const child = spawn(process.execPath, [fileURLToPath(new URL('guardian.js', import.meta.url))], {
    cwd: '/',
    // In a session of its own, so that Ctrl-C in a terminal does not reach it.
    detached: true,
    stdio: ['pipe', 'ignore', 'inherit'],
  });
  child.unref();
  (child.stdin as Socket | null)?.unref();
  child.stdin?.on('error', () => undefined);
  return child;
}

/** A temporary folder that is gone when `remove` is called or when the tests end. Other users may look inside. */
export async function temporaryFolder(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'sluice-test-'));
  tellGuardian({ kind: 'folder', path });
  await chmod(path, 0o755);
  const remove = async (): Promise<void> => {
    await rm(path, { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    tellGuardian({ kind: 'removed', path });
  };
  return { path, remove };
}

/** Has a supervised stack stopped when the tests end, however they do. */
export function guardStack(root: string): void {
  tellGuardian({ kind: 'stack', root });
}
