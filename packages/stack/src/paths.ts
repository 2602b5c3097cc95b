import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout this code was built in. */
export const checkout = fileURLToPath(new URL('../../../', import.meta.url)).replace(/\/$/, '');

/** Where downloads are shared between checkouts: `${XDG_CACHE_HOME:-~/.cache}/sluice`. */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  return join(env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache'), 'sluice');
}

/** What the stack of one checkout or one test keeps on disk. */
export interface Folders {
  /** Everything below. */
  readonly root: string;
  /** One log file per process. */
  readonly logs: string;
  /** Keys and passwords, for the owner only. */
  readonly secrets: string;
  /** Configuration files of the servers, written at each start. */
  readonly etc: string;
  /** Data of the servers and services. */
  readonly data: string;
}

export function foldersIn(root: string): Folders {
  return {
    root,
    logs: join(root, 'logs'),
    secrets: join(root, 'secrets'),
    etc: join(root, 'etc'),
    data: join(root, 'data'),
  };
}

/** The stack of this checkout. */
export const stackFolders = (): Folders => foldersIn(join(checkout, '.sluice'));
