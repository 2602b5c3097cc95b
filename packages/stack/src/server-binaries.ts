import { access, constants, rm } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { type DebianPackage, unpackDebianPackage } from './debian.js';
import { execute } from './execute.js';
import { cacheFolder } from './paths.js';
import { StackProblem } from './problem.js';
import { isAtLeast, readVersion } from './versions.js';

/** A server program that is taken from PATH, the cache, or Debian, in this order. */
interface ServerProgram {
  readonly name: string;
  readonly versionArgs: readonly string[];
  readonly oldest: string;
  readonly debian: DebianPackage;
  /** Where Debian's package has it. */
  readonly path: string;
}

const natsServer: ServerProgram = {
  name: 'nats-server',
  versionArgs: ['--version'],
  // `sync_interval: always` came with 2.10.
  oldest: '2.10',
  debian: { name: 'nats-server', suite: 'trixie' },
  path: 'usr/sbin/nats-server',
};

const consul: ServerProgram = {
  name: 'consul',
  versionArgs: ['version'],
  oldest: '1.8',
  debian: { name: 'consul', suite: 'bullseye' },
  path: 'usr/bin/consul',
};

/** A program that was asked for its version and answered. */
export interface Binary {
  readonly path: string;
  readonly version: string;
}

/** @throws StackProblem saying what to install by hand. */
export const findNatsServer = (): Promise<Binary> => find(natsServer);
/** @throws StackProblem saying what to install by hand. */
export const findConsul = (): Promise<Binary> => find(consul);

async function find(program: ServerProgram): Promise<Binary> {
  const cached = join(cacheFolder(), `${program.name}-${program.debian.suite}-${process.arch}`);
  const known = (await findOnPath(program)) ?? (await probe(program, join(cached, program.path)));
  if (known) return known;
  try {
    return (await unpack(program, cached)) ?? (await replace(program, cached));
  } catch (error) {
    throw new StackProblem(byHand(program, (error as Error).message));
  }
}

async function unpack(program: ServerProgram, folder: string): Promise<Binary | undefined> {
  await unpackDebianPackage(program.debian, folder);
  return probe(program, join(folder, program.path));
}

/** What lay there before does not run, and unpacking leaves alone what lies there: away with it. */
async function replace(program: ServerProgram, folder: string): Promise<Binary> {
  await rm(folder, { recursive: true, force: true });
  const binary = await unpack(program, folder);
  if (binary) return binary;
  throw new Error(`the downloaded ${join(folder, program.path)} does not run on this machine`);
}

function byHand({ name, oldest, debian }: ServerProgram, reason: string): string {
  return [
    `${name} ${oldest} or newer is needed, is not on PATH, and could not be fetched:`,
    ...reason.split('\n').map((line) => `  ${line}`),
    `Install ${name} by hand so that it is on PATH (Debian: package ${debian.name} of suite ${debian.suite};`,
    `otherwise a release binary of the ${name} project), then type the command again.`,
  ].join('\n');
}

async function findOnPath(program: ServerProgram): Promise<Binary | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (folder === '') continue;
    const found = await probe(program, join(folder, program.name));
    if (found) return found;
  }
  return undefined;
}

/** The program at `path`, if it runs and is new enough. */
async function probe({ versionArgs, oldest }: ServerProgram, path: string): Promise<Binary | undefined> {
  try {
    await access(path, constants.X_OK);
    const version = readVersion(await execute(path, versionArgs, { timeout: 10_000 }));
    return version !== undefined && isAtLeast(version, oldest) ? { path, version } : undefined;
  } catch {
    return undefined;
  }
}
