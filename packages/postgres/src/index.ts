/** PostgreSQL for services: pool, transactions, notifications, migrations. The only room that imports `pg`. */
export { type DatabaseOptions, openDatabase } from './database.js';
export { DatabaseProbe } from './database-probe.js';
export { dumpSchema } from './dump-schema.js';
export { isRetryable, isUniqueViolation } from './failure.js';
export { migrate, SchemaMismatchError } from './migrate.js';
export { type Migration, readMigrations } from './migration-files.js';
export type { Database, Queryable, Statement, Transaction } from './statement.js';
