import pg from 'pg';

/** The same server, another database. */
export function urlOfDatabase(url: string, name: string): string {
  const other = new URL(url);
  other.pathname = `/${name}`;
  return other.href;
}

const duplicateDatabase = '42P04';

/** Makes a database unless it is there. `adminUrl` names any existing database of the server. */
export async function ensureDatabase(adminUrl: string, name: string): Promise<string> {
  await administer(adminUrl, async (client) => {
    const { rowCount } = await client.query('select 1 from pg_database where datname = $1', [name]);
    if (rowCount === 0) await client.query(`create database ${pg.escapeIdentifier(name)}`);
  }).catch((error: { code?: string }) => {
    // Somebody else made it between the question and the command.
    if (error.code !== duplicateDatabase) throw error;
  });
  return urlOfDatabase(adminUrl, name);
}

/** Drops a database and whoever is still connected to it. */
export function dropDatabase(adminUrl: string, name: string): Promise<void> {
  return administer(adminUrl, async (client) => {
    await client.query(`drop database if exists ${pg.escapeIdentifier(name)} with (force)`);
  });
}

async function administer(adminUrl: string, act: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl, connectionTimeoutMillis: 5_000 });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await act(client);
  } finally {
    await client.end();
  }
}
