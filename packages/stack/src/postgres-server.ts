import { chown, mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Account, postgresAccount } from './account.js';
import { execute } from './execute.js';
import type { Folders } from './paths.js';
import { findPostgres, type PostgresBinaries } from './postgres-binaries.js';
import type { ProcessSpec } from './process-spec.js';
import { keepSecret, newPassword } from './secrets.js';

export interface PostgresOptions {
  readonly folders: Folders;
  /** Holds the data; another user's when root starts the stack. */
  readonly dataFolder: string;
  readonly port: number;
  /** Where it listens; loopback unless said. */
  readonly host?: string | undefined;
  /** The region that goes down with it. */
  readonly region?: string | undefined;
}

export interface PostgresServer {
  readonly spec: ProcessSpec;
  /** Address of the database `postgres`, with the password. */
  readonly adminUrl: string;
}

const user = 'sluice';

/** One PostgreSQL 18 on loopback. Makes its data folder on first use. */
export async function postgresServer(options: PostgresOptions): Promise<PostgresServer> {
  const { folders, dataFolder, port, host = '127.0.0.1', region } = options;
  const binaries = await findPostgres();
  const account = postgresAccount();
  const password = await keepSecret(folders, 'postgres', newPassword);
  if (!(await isThere(join(dataFolder, 'PG_VERSION')))) await initialise(binaries, dataFolder, password, account);
  const adminUrl = `postgres://${user}:${password}@${host}:${port}/postgres`;
  const spec: ProcessSpec = {
    name: 'postgres',
    service: 'postgres',
    ...(region === undefined ? {} : { region }),
    command: binaries.postgres,
    args: ['-D', dataFolder, ...settings(host, port).flatMap((setting) => ['-c', setting])],
    env: {},
    account,
    address: `${host}:${port}`,
    ports: [port],
    check: { kind: 'postgres', url: adminUrl },
    // PostgreSQL's "fast" shutdown: end sessions, write a checkpoint. SIGTERM would wait for clients.
    stopSignal: 'SIGINT',
    fingerprint: binaries.version,
  };
  return { spec, adminUrl };
}

function settings(host: string, port: number): string[] {
  return [
    `listen_addresses=${host}`,
    `port=${port}`,
    // The path of a socket file may have 107 bytes only; loopback is enough.
    'unix_socket_directories=',
    'fsync=on',
    'synchronous_commit=on',
    'max_connections=200',
    'timezone=UTC',
    'log_timezone=UTC',
    'logging_collector=off',
    'log_line_prefix=%m [%p] ',
  ];
}

/** The folder appears whole or not at all: a start that is cut off leaves nothing behind that looks like data. */
async function initialise(
  { initdb }: PostgresBinaries,
  dataFolder: string,
  password: string,
  account: Account | undefined,
): Promise<void> {
  await mkdir(join(dataFolder, '..'), { recursive: true });
  const work = await mkdtemp(`${dataFolder}.partial-`);
  try {
    const passwordFile = join(work, 'password');
    await writeFile(passwordFile, password, { mode: 0o600 });
    if (account) await Promise.all([work, passwordFile].map((path) => chown(path, account.uid, account.gid)));
    const data = join(work, 'data');
    await execute(initdb, initdbArgs(data, passwordFile), {
      cwd: '/',
      env: { PATH: process.env.PATH, LC_ALL: 'C.UTF-8' },
      ...(account ? { uid: account.uid, gid: account.gid } : {}),
    });
    await rename(data, dataFolder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function initdbArgs(data: string, passwordFile: string): string[] {
  return [
    `--pgdata=${data}`,
    `--username=${user}`,
    `--pwfile=${passwordFile}`,
    '--auth=scram-sha-256',
    '--data-checksums',
    '--encoding=UTF8',
    '--locale-provider=builtin',
    '--builtin-locale=C.UTF-8',
    '--locale=C',
  ];
}

/** The parent folders may be closed to us only as another ordinary user, never as root. */
async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
