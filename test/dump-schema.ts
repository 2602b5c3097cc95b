/**
 * Prints the shape that a service's migrations give to an empty database; what is committed as its
 * sql/schema.sql must be the same.
 *
 *   node test/dist/dump-schema.js services/ingestion > services/ingestion/sql/schema.sql
 */
import { fileURLToPath } from 'node:url';
import { silentLogger } from '@sluice/mesh';
import { dumpSchema, migrate, openDatabase } from '@sluice/postgres';
import { withDatabase } from '@sluice/testkit';

/** Each service that keeps tables owns one schema. */
const schemas: Readonly<Record<string, string>> = { 'services/config': 'config', 'services/ingestion': 'events' };

async function migrateEmpty(url: string, schema: string, directory: URL): Promise<void> {
  const database = await openDatabase({ url, applicationName: 'dump-schema', logger: silentLogger });
  try {
    await migrate(database, { schema, directory });
  } finally {
    await database.close();
  }
}

const folder = (process.argv[2] ?? '').replace(/\/$/, '');
const schema = schemas[folder];
if (schema === undefined) {
  process.stderr.write(
    `No schema is known for ${JSON.stringify(folder)}: name one of ${Object.keys(schemas).join(', ')}, ` +
      `or add the service to ${fileURLToPath(import.meta.url)}.\n`,
  );
  process.exitCode = 1;
} else {
  const directory = new URL(`../../${folder}/sql`, import.meta.url);
  const dump = await withDatabase(async (url) => {
    await migrateEmpty(url, schema, directory);
    return dumpSchema(url, schema);
  });
  process.stdout.write(dump);
}
