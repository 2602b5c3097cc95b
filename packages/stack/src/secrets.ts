import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Folders } from './paths.js';

export const newPassword = (): string => randomBytes(24).toString('base64url');

/** The secret kept under this name, made on first use. Only its owner can read the file. */
export async function keepSecret(folders: Folders, name: string, make: () => string): Promise<string> {
  const file = secretPath(folders, name);
  const kept = readSecret(folders, name);
  if (kept !== undefined) return kept;
  await mkdir(folders.secrets, { recursive: true, mode: 0o700 });
  await chmod(folders.secrets, 0o700);
  const secret = make();
  await writeFile(file, `${secret}\n`, { mode: 0o600 });
  return secret;
}

export function readSecret(folders: Folders, name: string): string | undefined {
  const file = secretPath(folders, name);
  return existsSync(file) ? readFileSync(file, 'utf8').trim() : undefined;
}

export const secretPath = (folders: Folders, name: string): string => join(folders.secrets, name);
