/** The ledger: how fast events are taken in, and how fast they come into PostgreSQL. */
import { connectBus } from '@sluice/bus';
import { migrationsUrl } from '@sluice/ingestion/ledger-store';
import { createClient, silentLogger } from '@sluice/mesh';
import { migrate, openDatabase } from '@sluice/postgres';
import { ConfigServiceService } from '@sluice/proto';
import { startMesh } from '@sluice/testkit';
import { benchAccept, benchMemory } from './ingestion-accept.js';
import { benchStore } from './ingestion-store.js';
import { set } from './ledger-events.js';

const timeoutMs = 60_000;
const statementTimeoutMs = 120_000;

/** Runs one part on a mesh of its own. */
async function onLedger(part: typeof benchStore): Promise<void> {
  const mesh = await startMesh({ services: ['config', 'ingestion'], env: { LOG_LEVEL: 'error' } });
  const logger = silentLogger;
  const database = await openDatabase({ url: mesh.databaseUrl, applicationName: 'bench', logger, statementTimeoutMs });
  const bus = await connectBus({ url: mesh.natsUrl, name: 'bench', logger });
  try {
    const config = createClient(ConfigServiceService, {
      target: `static:///${mesh.process('config-1').address}`,
      key: mesh.rootKey,
    });
    await config.createProject({ project: set.project }, { timeoutMs });
    await config.createEnvironment({ set }, { timeoutMs });
    config.close();
    await migrate(database, { schema: 'events', directory: migrationsUrl });
    await part(mesh, bus, database);
  } finally {
    await bus.close();
    await database.close();
    await mesh.stop();
  }
}

export const benchIngestion = (): Promise<void> => onLedger(benchAccept);
export const benchIngestionStore = (): Promise<void> => onLedger(benchStore);
/** Takes minutes: only when it is asked for. */
export const benchIngestionMemory = (): Promise<void> => onLedger(benchMemory);
