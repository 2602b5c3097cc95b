/** Segments that can't be handed on whole are kept aside for whoever looks after the disk, a bounded number of them. */
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

const suffix = '.damaged';
/** Segments that are kept aside; of more, the oldest go. */
export const asideMax = 8;

/** What a disk answers about a file that asking again won't bring back. */
const lostCodes = new Set(['EIO', 'ENOENT', 'EISDIR', 'EUCLEAN']);

export function isLost(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && lostCodes.has(error.code);
}

export const isAside = (name: string): boolean => name.endsWith(suffix);

/** What the disk refuses here must not stop who goes on without the segment. */
export async function setAside(directory: string, path: string): Promise<void> {
  await rename(path, `${path}${suffix}`).catch(() => undefined);
  const names = await readdir(directory).catch(() => []);
  const surplus = names.filter(isAside).sort().slice(0, -asideMax);
  for (const name of surplus) await rm(join(directory, name), { force: true, recursive: true }).catch(() => undefined);
}
