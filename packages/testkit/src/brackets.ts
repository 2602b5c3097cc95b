import { randomBytes } from 'node:crypto';
import { dropDatabase } from '@sluice/stack';
import { createDatabase, type Servers, type ServersOptions, startServers } from './servers.js';
import type { TestProcess } from './test-process.js';

let postgres: Promise<Servers> | undefined;

/** One PostgreSQL for all tests of this process; it ends with the process. */
function sharedPostgres(): Promise<Servers> {
  postgres ??= startServers({ postgres: true });
  return postgres;
}

/** Gives `use` the address of an empty database of its own, and drops it afterwards. The server is shared. */
export async function withDatabase<T>(use: (url: string) => Promise<T>): Promise<T> {
  const servers = await sharedPostgres();
  const name = `test_${randomBytes(6).toString('hex')}`;
  const url = await createDatabase(servers, name);
  try {
    return await use(url);
  } finally {
    await dropDatabase(servers.adminUrl, name);
  }
}

/** Gives `use` servers of its own, and removes them afterwards. */
export async function withServers<T>(options: ServersOptions, use: (servers: Servers) => Promise<T>): Promise<T> {
  const servers = await startServers(options);
  try {
    return await use(servers);
  } finally {
    await servers.stop();
  }
}

/** Gives `use` a nats-server of its own with an empty JetStream. */
export function withNats<T>(use: (url: string, nats: TestProcess) => Promise<T>): Promise<T> {
  return withServers({ nats: true }, (servers) => {
    if (!servers.nats) throw new Error('nats-server was asked for and is not there');
    return use(servers.natsUrl, servers.nats);
  });
}
