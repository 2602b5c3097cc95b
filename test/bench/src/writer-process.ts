/** A writer of the ledger alone in its process. Arguments: NATS, PostgreSQL. Starts when told to. */
import { connectBus } from '@sluice/bus';
import { createCounters, startWriter } from '@sluice/ingestion/ledger-store';
import { silentLogger } from '@sluice/mesh';
import { openDatabase } from '@sluice/postgres';

const [natsUrl = '', databaseUrl = ''] = process.argv.slice(2);
const logger = silentLogger;
const bus = await connectBus({ url: natsUrl, name: 'bench-writer', logger });
const database = await openDatabase({ url: databaseUrl, applicationName: 'bench-writer', logger });
process.once('message', () =>
  startWriter({ bus, database, logger, counters: createCounters(), retentionDays: 400, origins: [{}] }),
);
process.send?.('ready');
