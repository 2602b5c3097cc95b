/** Composition root of ingestion. */
import { join } from 'node:path';
import { type Bus, connectBus, missingOf } from '@sluice/bus';
import { backoff, bind, createLogger, type Logger, register, type Scope, startServer, systemClock } from '@sluice/mesh';
import { DatabaseProbe, migrate, openDatabase } from '@sluice/postgres';
import { LedgerServiceService } from '@sluice/proto';
import { openSpool, type Spool } from '@sluice/spool';
import { getBooks } from './books/books.js';
import type { IngestionConfig } from './config.js';
import { createCounters } from './counters.js';
import { dropDeadLetter, getDeadLetter, listDeadLetters, retryDeadLetter } from './dead-letters.js';
import { type Handling, logEvents, requireKnownSet } from './handlers.js';
import { type HousekeeperOptions, report, startHousekeeper } from './house/housekeeper.js';
import { followKeys } from './keys.js';
import { getEvents, getExposures, getUsage } from './ledger.js';
import { createEventLog } from './log/event-log.js';
import { createLogProbe } from './log/log-probe.js';
import { originsOf } from './log/origins.js';
import { openQuarantine } from './log/quarantine.js';
import { createRecentIds } from './log/recent-ids.js';
import { createShards, eventShards, subjectsIn } from './log/shards.js';
import { createTails, tailEvents } from './log/tail.js';
import { streamEvents } from './stream-events.js';
import { strictIngestionService } from './wire/definition.js';
import { createSkews } from './wire/skew.js';
import { textOfError } from './writer/data-fault.js';
import { migrationsUrl } from './writer/store.js';
import { startWriter, type WriterOptions } from './writer/writer.js';

/** A quarter of a million ids, in 5 MiB. */
const recentIdSlots = 2 ** 18;
const stopWithinMs = 5_000;
const firstPauseMs = 100;
const longestPauseMs = 2_000;

/** Starts ingestion; it accepts events from the start, whether or not PostgreSQL and the log answer. */
export async function startIngestion(config: IngestionConfig, scope: Scope): Promise<{ address: string }> {
  const { identity } = config;
  const logger = createLogger(identity, config.logLevel);
  const counters = createCounters();
  const bus = await connectBus({
    url: config.natsUrl,
    replicas: config.natsReplicas,
    name: identity.instance,
    logger,
  });
  scope.push('bus', () => bus.close());
  const database = await openDatabase({ url: config.databaseUrl, applicationName: identity.instance, logger });
  scope.push('database', () => database.close());
  const store = new DatabaseProbe(database);
  const keys = await followKeys(config, bus, scope, logger);
  const stream = keepStream(config, bus, scope, logger);
  const startedAtMs = systemClock.now();
  const probe = createLogProbe(
    bus,
    eventShards.map((shard) => shard.stream),
    stream.isReady,
  );
  const { instance, region } = identity;
  const shards = createShards({ bus, clock: systemClock, timeoutMs: config.logTimeoutMs });
  const spool = await openSpool({
    directory: join(config.stateDir, 'spool'),
    bytesMax: config.spoolBytesMax,
    ageMaxMs: config.spoolAgeMaxMs,
    logger,
    clock: systemClock,
    send: async (record) => {
      await shards.publish(record);
      counters.add('events_unspooled', record.count);
    },
  });
  scope.push('spool', () => spool.close());
  const log = createEventLog({ shards, spool, clock: systemClock, logger, counters, instance, region });
  scope.push('event log', () => log.drain());
  const recent = createRecentIds(recentIdSlots);
  const quarantine = await openQuarantine({
    directory: join(config.stateDir, 'unverified'),
    bytesMax: config.unverifiedBytesMax,
    ageMaxMs: config.spoolAgeMaxMs,
    ...{ logger, clock: systemClock, counters, verifier: keys, append: log.append },
    requireSet: (principal, asked) => requireKnownSet({ sets: keys }, principal, asked),
  });
  scope.push('quarantine', () => quarantine.close());
  counters.add('events_recovered', quarantine.state().events);
  const skews = createSkews();
  const handling: Handling = { log, recent, counters, clock: systemClock, skews, sets: keys, quarantine };
  const reading = { database, sets: keys, clock: systemClock };
  const burials = { database, shards, region };
  const readCounters = () => ({
    ...counters.read(),
    log_pending: probe.messagesPending(),
    append_bytes_pending: log.pendingBytes(),
    unverified_pending: quarantine.state().events,
    ...spoolCounters(spool),
  });
  const { retention } = config;
  const retentionDays = retention.eventsDays;
  const readBooks = () => ({ ...readCounters(), ...counters.readDetails() });
  const house = { database, logger, retention, region, instance, startedAtMs, readCounters: readBooks };
  const writing = { bus, database, logger, counters, retentionDays, origins: originsOf(config.regions) };
  writeWhenReady(writing, house, stream.ready, scope);
  const bookkeeping = { database, bus, region, retentionDays, report: () => report(house) };
  const tails = createTails(bus, region);
  const server = await startServer({
    mesh: config,
    logger,
    findGrant: keys.findGrant,
    services: [
      bind(strictIngestionService, {
        logEvents: (received, call) => logEvents(handling, received, call),
        streamEvents: (call) => (received) => streamEvents(handling, received, call),
      }),
      bind(LedgerServiceService, {
        getExposures: (request, call) => getExposures(reading, request, call),
        getEvents: (request, call) => getEvents(reading, request, call),
        getUsage: (request, call) => getUsage(reading, request, call),
        getBooks: (request, call) => getBooks(bookkeeping, request, call),
        tailEvents: (request, call) => tailEvents(tails, request, call),
        listDeadLetters: (request, call) => listDeadLetters(burials, request, call),
        getDeadLetter: (request, call) => getDeadLetter(burials, request, call),
        retryDeadLetter: (request, call) => retryDeadLetter(burials, request, call),
        dropDeadLetter: (request, call) => dropDeadLetter(burials, request, call),
      }),
    ],
    describe: () => ({
      sets: keys.sets(),
      counters: { ...readCounters(), spool_limit_bytes: config.spoolBytesMax },
      missing: { ...missingOf(bus), ...store.missing() },
    }),
    // Ready to accept: that needs the log or room in the spool. PostgreSQL away only delays what was
    // accepted; whether it is, is asked where events are written.
    isReady: async () => {
      if (writing.origins.length > 0) void store.ask();
      return (await probe.isReady()) || spool.hasRoom();
    },
  });
  scope.push('server', () => server.stop(stopWithinMs));
  await server.setReady();
  await register(config, server.address, scope, logger);
  logger.info({ address: server.address }, 'ingestion listens');
  return { address: server.address };
}

function spoolCounters(spool: Spool) {
  const { events, bytes, ageMs, damaged } = spool.state();
  return { spool_events: events, spool_bytes: bytes, spool_age_ms: Math.round(ageMs), spool_segments_damaged: damaged };
}

/** A shard must have room for a few messages, however small the log is to be. */
const shardBytesMin = 1024 * 1024;

/** Makes the streams now and after each reconnect: a server that lost its disk comes back without it. */
function keepStream({ eventsBytesMax, identity }: IngestionConfig, bus: Bus, scope: Scope, logger: Logger) {
  const { promise: ready, resolve } = Promise.withResolvers<void>();
  let isReady = false;
  const ensure = retrying(scope, logger, 'the event log', async () => {
    const maxBytes = Math.max(Math.floor(eventsBytesMax / eventShards.length), shardBytesMin);
    for (const shard of eventShards) {
      await bus.ensureStream({
        name: shard.stream,
        subjects: [subjectsIn(shard, identity.region)],
        maxBytes,
        discard: 'new',
        isWorkQueue: true,
      });
    }
    isReady = true;
    resolve();
  });
  scope.push('event stream', bus.onConnected(ensure));
  return { ready, isReady: () => isReady };
}

/** Migrates once PostgreSQL answers, then writes. Until then events wait in the log. */
function writeWhenReady(writing: WriterOptions, house: HousekeeperOptions, stream: Promise<void>, scope: Scope): void {
  const { database, logger } = writing;
  let isStopped = false;
  scope.push('writer start', () => {
    isStopped = true;
  });
  const start = retrying(scope, logger, 'the ledger', async () => {
    await migrate(database, { schema: 'events', directory: migrationsUrl });
    if (!isStopped) scope.push('housekeeper', startHousekeeper(house));
    await stream;
    if (!isStopped) scope.push('writer', startWriter(writing));
  });
  start();
}

/** Runs the work until it succeeds once; asked again meanwhile, it does not run twice. Says when it has to wait. */
function retrying(scope: Scope, logger: Logger, what: string, work: () => Promise<void>): () => void {
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  let isRunning = false;
  scope.push(`${what}: start`, () => {
    isStopped = true;
    clearTimeout(timer);
  });
  const attempt = async (failures: number): Promise<void> => {
    try {
      await work();
      isRunning = false;
      if (failures > 0) logger.info(`${what} is ready`);
    } catch (error) {
      if (isStopped) return;
      if (failures === 0) logger.warn({ reason: textOfError(error) }, `${what} is not ready; trying again`);
      timer = setTimeout(() => void attempt(failures + 1), backoff(failures, firstPauseMs, longestPauseMs));
    }
  };
  return () => {
    if (isRunning || isStopped) return;
    isRunning = true;
    void attempt(0);
  };
}
