import { type Migration, readMigrations } from './migration-files.js';
import { type Database, type Statement, scriptTimeoutMs, type Transaction } from './statement.js';

/** The database was migrated by newer code, in a way that this code can't work with. */
export class SchemaMismatchError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'SchemaMismatchError';
  }
}

export interface MigrateOptions {
  /** The service's own schema; made when missing. Lower-case letters and underscores. */
  readonly schema: string;
  /** Folder with 000001_….sql. */
  readonly directory: URL;
}

/**
 * Brings a schema forward to what the code knows. Each migration is one transaction that inserts
 * its own row first, so that racing processes collide there and only one runs it.
 * A database that is ahead is refused if one of the unknown migrations is marked `-- breaking`;
 * others leave older code working, so that it can still restart while a release rolls out.
 * @throws SchemaMismatchError for a database that is ahead.
 */
export async function migrate(database: Database, { schema, directory }: MigrateOptions): Promise<void> {
  if (!/^[a-z][a-z_]*$/.test(schema)) throw new Error(`The schema name ${JSON.stringify(schema)} is not plain.`);
  const migrations = await readMigrations(directory);
  const applied = await database.transaction(async (tx) => {
    await prepare(tx, schema);
    return tx.query<AppliedRow>(selectApplied(schema));
  });
  refuseNewer(schema, migrations, applied);
  const known = new Set(applied.map(({ number }) => number));
  for (const migration of migrations) {
    if (!known.has(migration.number)) await apply(database, schema, migration);
  }
}

interface AppliedRow {
  readonly number: number;
  readonly name: string;
  readonly is_breaking: boolean;
}

/** `if not exists` alone still fails when two processes make the same schema at once. */
async function prepare(tx: Transaction, schema: string): Promise<void> {
  await tx.query(lockSchema, [`sluice.migrate.${schema}`]);
  await tx.script(`
    create schema if not exists ${schema};
    create table if not exists ${schema}.migration (
      number integer primary key,
      name text not null,
      is_breaking boolean not null,
      applied_at timestamptz not null default now()
    );
  `);
}

function refuseNewer(schema: string, migrations: readonly Migration[], applied: readonly AppliedRow[]): void {
  const newest = migrations.length;
  const breaking = applied.filter((row) => row.number > newest && row.is_breaking);
  if (breaking.length === 0) return;
  throw new SchemaMismatchError(
    `The database is ahead of this code: schema ${schema} has ${breaking.map(({ name }) => name).join(', ')}, ` +
      `which this version does not know and can't work with. Start a newer version.`,
  );
}

async function apply(database: Database, schema: string, migration: Migration): Promise<void> {
  await database.transaction(async (tx) => {
    const { number, name, isBreaking, sql } = migration;
    await tx.script(`set local statement_timeout = ${scriptTimeoutMs}`);
    const inserted = await tx.query(insertApplied(schema), [number, name, isBreaking]);
    if (inserted.length > 0) await tx.script(sql);
  });
}

const lockSchema: Statement = {
  name: 'lock_schema',
  text: 'select pg_advisory_xact_lock(hashtextextended($1, 0))',
};

const selectApplied = (schema: string): Statement => ({
  name: `${schema}_select_migrations`,
  text: `select number, name, is_breaking from ${schema}.migration order by number`,
});

const insertApplied = (schema: string): Statement => ({
  name: `${schema}_insert_migration`,
  text: `insert into ${schema}.migration (number, name, is_breaking) values ($1, $2, $3)
    on conflict (number) do nothing returning number`,
});
