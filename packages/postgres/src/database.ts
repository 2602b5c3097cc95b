import { type Logger, type Release, type SpanOptions, withSpan } from '@sluice/mesh';
import pg from 'pg';
import { copyIn } from './copy.js';
import { isConnectionSound, translate } from './failure.js';
import { Listener } from './listener.js';
import { type Database, type Queryable, type Statement, scriptTimeoutMs, type Transaction } from './statement.js';

export interface DatabaseOptions {
  /** `postgres://user:password@host:port/database`. */
  readonly url: string;
  /** Shown in `pg_stat_activity`. */
  readonly applicationName: string;
  /** Connections at most, without the one that listens; 10 unless said. */
  readonly poolMax?: number;
  /** Longest run of one statement, in milliseconds; 10,000 unless said. */
  readonly statementTimeoutMs?: number;
  /**
   * How long a transaction may hold its locks without a statement, in milliseconds; as long as a
   * statement may run unless said. Ends what a frozen process left open.
   */
  readonly idleInTransactionMs?: number;
  readonly logger: Logger;
}

const spanOptions: SpanOptions = { kind: 'client', attributes: { 'db.system.name': 'postgresql' } };

const defaultStatementTimeoutMs = 10_000;
const connectTimeoutMs = 5_000;
const idleTimeoutMs = 30_000;
/** The server cancels first; this is for a server that is gone without a word. */
const silenceMs = 2_000;

/**
 * Opens a pool. Resolves also while the database is away: statements are refused with
 * `unavailable` until it answers.
 */
export function openDatabase(options: DatabaseOptions): Promise<Database> {
  return Promise.resolve(new PooledDatabase(options));
}

class PooledDatabase implements Database {
  readonly #pool: pg.Pool;
  readonly #listener: Listener;
  readonly #statementTimeoutMs: number;
  #closing: Promise<void> | undefined;

  constructor(options: DatabaseOptions) {
    this.#statementTimeoutMs = options.statementTimeoutMs ?? defaultStatementTimeoutMs;
    const config = clientConfig(options, this.#statementTimeoutMs);
    this.#pool = new pg.Pool({ ...config, max: options.poolMax ?? 10, idleTimeoutMillis: idleTimeoutMs });
    // Without a listener, a connection that breaks between two statements would end the process.
    this.#pool.on('connect', (client) => client.on('error', () => broken.add(client)));
    // An idle connection that breaks is replaced on the next use.
    this.#pool.on('error', (error) => options.logger.warn({ reason: error.message }, 'database connection lost'));
    this.#listener = new Listener(() => new pg.Client(config), options.logger);
  }

  query<Row extends object>(statement: Statement, values?: readonly unknown[]): Promise<Row[]> {
    return this.#withClient((client) => run<Row>(client, statement, values));
  }

  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T> {
    return this.#bracket('begin', work);
  }

  snapshot<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    return this.#bracket('begin isolation level repeatable read, read only', work);
  }

  #bracket<T>(begin: string, work: (tx: Transaction) => Promise<T>): Promise<T> {
    return withSpan('db.transaction', { kind: 'internal' }, () =>
      this.#withClient((client) => bracket(client, begin, () => work(transactionOn(client, this.#statementTimeoutMs)))),
    );
  }

  listen(channel: string, onNotify: (payload: string) => void): Promise<Release> {
    return Promise.resolve(this.#listener.add(channel, onNotify));
  }

  async isReady(): Promise<boolean> {
    try {
      await this.#withClient((client) => send(client, { name: 'is_ready', text: 'select 1' }));
      return true;
    } catch {
      return false;
    }
  }

  close(): Promise<void> {
    this.#closing ??= Promise.all([this.#listener.close(), this.#pool.end()]).then(() => undefined);
    return this.#closing;
  }

  async #withClient<T>(work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw translate(error);
    });
    try {
      return await work(client);
    } finally {
      client.release(broken.has(client));
    }
  }
}

/** Connections that an error left in an unknown state: never given out again. */
const broken = new WeakSet<pg.PoolClient>();

/** The driver takes a time-out with each query, though its types don't say so. */
type Query = pg.QueryConfig & { readonly query_timeout?: number };

function send<Row extends object>(client: pg.PoolClient, query: Query): Promise<Row[]> {
  return guarded(client, async () => (await client.query<Row>(query)).rows);
}

/** Whatever the server itself did not refuse costs the connection. */
async function guarded<T>(client: pg.PoolClient, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!isConnectionSound(error)) broken.add(client);
    throw translate(error);
  }
}

function run<Row extends object>(
  client: pg.PoolClient,
  { name, text }: Statement,
  values: readonly unknown[] = [],
): Promise<Row[]> {
  return withSpan(`db.query ${name}`, spanOptions, () => send<Row>(client, { name, text, values: [...values] }));
}

async function bracket<T>(client: pg.PoolClient, begin: string, work: () => Promise<T>): Promise<T> {
  await send(client, { text: begin });
  try {
    const result = await work();
    await send(client, { text: 'commit' });
    return result;
  } catch (error) {
    // When this fails too, the connection is closed, and the server rolls back by itself.
    await send(client, { text: 'rollback' }).catch(() => undefined);
    throw error;
  }
}

function transactionOn(client: pg.PoolClient, statementTimeoutMs: number): Transaction {
  return {
    query: <Row extends object>(statement: Statement, values?: readonly unknown[]) =>
      run<Row>(client, statement, values),
    script: async (sql) => {
      await send(client, { text: sql, query_timeout: scriptTimeoutMs + silenceMs });
    },
    copy: (statement, chunks) =>
      guarded(client, () => copyIn(client, statement, chunks, statementTimeoutMs + silenceMs)),
  };
}

const bigintOid = 20;

function clientConfig(options: DatabaseOptions, statementTimeoutMs: number): pg.ClientConfig {
  return {
    connectionString: options.url,
    application_name: options.applicationName,
    connectionTimeoutMillis: connectTimeoutMs,
    statement_timeout: statementTimeoutMs,
    query_timeout: statementTimeoutMs + silenceMs,
    idle_in_transaction_session_timeout: options.idleInTransactionMs ?? statementTimeoutMs,
    keepAlive: true,
    types: {
      getTypeParser: (oid: number, format?: 'text' | 'binary') =>
        oid === bigintOid && format !== 'binary' ? BigInt : pg.types.getTypeParser(oid, format as 'text'),
    },
  };
}
