import type { Release } from '@sluice/mesh';

/**
 * One SQL statement of a store: a named constant. The name, at most 63 bytes, is the span's name
 * and the prepared statement's name, so that the server plans it once per connection.
 */
export interface Statement {
  readonly name: string;
  readonly text: string;
}

/**
 * Something that runs statements. `bigint` columns come as `bigint`, `bytea` as Buffer, `timestamptz` as Date.
 * Rows in bulk go in as arrays, by `insert … select … from unnest($1::text[], …)`.
 */
export interface Queryable {
  /**
   * @throws SluiceError `unavailable` when the database can't be reached or took too long; the
   * driver's own error (see `isUniqueViolation`, `isRetryable`) when it refused the statement.
   */
  query<Row extends object>(statement: Statement, values?: readonly unknown[]): Promise<Row[]>;
}

/** How long a script may run, in milliseconds: a migration of a large table is not an everyday statement. */
export const scriptTimeoutMs = 600_000;

/** A transaction in progress. */
export interface Transaction extends Queryable {
  /** Runs a text of many statements without values, such as a migration, for at most `scriptTimeoutMs`. */
  script(sql: string): Promise<void>;
  /**
   * Runs a `copy … from stdin` with these bytes. @returns how many rows went in.
   * Fails as `query` does; the transaction can then only be rolled back, if only to a savepoint.
   */
  copy(statement: Statement, chunks: Iterable<Uint8Array>): Promise<number>;
}

export interface Database extends Queryable {
  /**
   * Commits what `run` did, or nothing of it when `run` throws. Serialization failures and
   * deadlocks are the caller's to retry: see `isRetryable`.
   */
  transaction<T>(run: (tx: Transaction) => Promise<T>): Promise<T>;
  /**
   * Reads what was committed at one moment, whatever is written meanwhile: takes no locks, and
   * waits for none.
   */
  snapshot<T>(run: (tx: Queryable) => Promise<T>): Promise<T>;
  /**
   * Calls back for each NOTIFY on a channel, over a connection of its own that heals itself.
   * Also called, with an empty payload, each time that the connection was made: what happened
   * before is unknown, so look. Resolves at once, also while the database is away.
   */
  listen(channel: string, onNotify: (payload: string) => void): Promise<Release>;
  /** Whether a statement would succeed now. */
  isReady(): Promise<boolean>;
  /** Waits for statements that run, then closes every connection. */
  close(): Promise<void>;
}
