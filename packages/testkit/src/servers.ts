import { join } from 'node:path';
import {
  consulServer,
  ensureDatabase,
  type Folders,
  foldersIn,
  freePorts,
  natsServer,
  type ProcessSpec,
  postgresServer,
} from '@sluice/stack';
import { temporaryFolder } from './guard.js';
import { TestProcess } from './test-process.js';

export interface ServersOptions {
  readonly consul?: boolean;
  readonly nats?: boolean;
  readonly postgres?: boolean;
  /** Consul's datacenter; `local` unless said. */
  readonly region?: string;
}

/** Real servers on free ports with throw-away data. What was not asked for is not there. */
export interface Servers {
  readonly region: string;
  readonly folders: Folders;
  readonly consul: TestProcess | undefined;
  readonly nats: TestProcess | undefined;
  readonly postgres: TestProcess | undefined;
  /** `host:port`. @throws Error when Consul was not asked for. */
  readonly consulAddr: string;
  /** @throws Error when NATS was not asked for. */
  readonly natsUrl: string;
  /** Address of PostgreSQL's database `postgres`. @throws Error when PostgreSQL was not asked for. */
  readonly adminUrl: string;
  /** Stops everything and removes the data. */
  stop(): Promise<void>;
}

/** Starts the servers asked for, in parallel, and waits until each is healthy. */
export async function startServers(options: ServersOptions): Promise<Servers> {
  const { path, remove } = await temporaryFolder();
  const folders = foldersIn(path);
  const region = options.region ?? 'local';
  const starting = [
    options.consul ? startOnFreePorts(folders, 4, (ports) => consulSpec(folders, region, ports)) : undefined,
    options.nats ? startOnFreePorts(folders, 2, (ports) => natsSpec(folders, region, ports)) : undefined,
    options.postgres ? startOnFreePorts(folders, 1, (ports) => postgresSpec(folders, ports)) : undefined,
  ];
  const started = await Promise.allSettled(starting);
  const [consul, nats, postgres] = started.map((one) => (one.status === 'fulfilled' ? one.value : undefined));
  const stop = async (): Promise<void> => {
    await Promise.all([consul, nats, postgres].map((server) => server?.stop()));
    await remove();
  };
  const failure = started.find((one) => one.status === 'rejected');
  if (failure) {
    await stop();
    throw failure.reason;
  }
  return {
    region,
    folders,
    consul,
    nats,
    postgres,
    get consulAddr() {
      return needed(consul, 'consul').address;
    },
    get natsUrl() {
      return `nats://${needed(nats, 'nats').address}`;
    },
    get adminUrl() {
      const { check } = needed(postgres, 'postgres').spec;
      return check.kind === 'postgres' ? check.url : '';
    },
    stop,
  };
}

function needed(server: TestProcess | undefined, name: string): TestProcess {
  if (server) return server;
  throw new Error(`This test did not ask for ${name}: startServers({ ${name}: true })`);
}

const triesMax = 5;

/** Between finding a port and using it somebody else may take it: then other ports are tried. */
async function startOnFreePorts(
  folders: Folders,
  count: number,
  specify: (ports: number[]) => Promise<ProcessSpec>,
): Promise<TestProcess> {
  for (let tries = 1; ; tries += 1) {
    const server = new TestProcess(await specify(await freePorts(count)), folders.logs);
    try {
      await server.start();
      return server;
    } catch (error) {
      await server.stop();
      if (tries >= triesMax || !/in use/i.test(server.log)) throw error;
    }
  }
}

const consulSpec = (folders: Folders, region: string, [http = 0, rpc = 0, serfLan = 0, serfWan = 0]: number[]) =>
  consulServer({ folders, region, ports: { http, rpc, serfLan, serfWan } });

const natsSpec = (folders: Folders, region: string, [client = 0, monitor = 0]: number[]) =>
  natsServer({ folders, region, ports: { client, monitor } });

async function postgresSpec(folders: Folders, [port = 0]: number[]): Promise<ProcessSpec> {
  const { spec } = await postgresServer({ folders, dataFolder: join(folders.data, 'postgres'), port });
  return spec;
}

/** A new database on these servers. */
export function createDatabase(servers: Servers, name: string): Promise<string> {
  return ensureDatabase(servers.adminUrl, name);
}
