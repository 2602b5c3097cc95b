import { connectBus } from '@sluice/bus';
import { bind, createLogger, type Logger, register, type Scope, startServer, systemClock } from '@sluice/mesh';
import { type Database, migrate, openDatabase } from '@sluice/postgres';
import { ConfigServiceService, RulesetServiceService } from '@sluice/proto';
import { Acks } from './acks.js';
import type { ConfigConfig } from './config.js';
import type { Context } from './context.js';
import { FrameLog } from './frame-log.js';
import { handleGetEntity, handleListEntities } from './handlers/entities.js';
import { handleImportRuleset } from './handlers/import-ruleset.js';
import { handleCreateKey, handleListKeys } from './handlers/keys.js';
import { handleCreateEnvironment, handleCreateProject } from './handlers/projects.js';
import { handleGetRuleset, handleListSets, handleWatchRuleset } from './handlers/rulesets.js';
import { handleUpdateGate } from './handlers/update-gate.js';
import { handleWaitForRevision } from './handlers/wait-for-revision.js';
import { Heads } from './heads.js';
import { Keyring } from './keyring.js';
import { Publisher } from './publisher.js';
import { grantRootKey } from './sets.js';
import { Status } from './status.js';
import { Writer } from './writer.js';

/** Rulesets of tens of thousands of entities are imported in one message. */
const maxReceiveBytes = 64 * 1024 * 1024;
const drainWithinMs = 5_000;

/** Starts the authority for rulesets. @throws when the database can't be migrated. */
export async function startConfig(config: ConfigConfig, scope: Scope): Promise<{ address: string }> {
  const { mesh } = config;
  const logger = createLogger(mesh.identity, mesh.logLevel);
  const db = await openMigrated(config, scope, logger);
  const bus = await connectBus({ url: config.natsUrl, name: mesh.identity.instance, logger });
  scope.push('bus', () => bus.close());
  const context = createContext(db, logger);
  scope.push('keyring', await context.keyring.start());
  scope.push('frame log', await context.frames.start());
  scope.push('acks', context.acks.start(bus, mesh.consulAddr));
  const publisher = new Publisher(db, bus, logger);
  scope.push('publisher', await publisher.start());
  if (config.rootKey !== undefined) await grantRootKey(context.writer, config.rootKey);
  await context.keyring.refresh();
  const status = new Status(db);
  scope.push('status', await status.start());
  const server = await startServer({
    mesh,
    logger,
    findGrant: (digest) => context.keyring.find(digest)?.grant,
    services: bindServices(context),
    describe: () => ({
      sets: [...status.sets],
      counters: {
        writes: context.writer.writes,
        frames_published: publisher.published,
        outbox_pending: status.pending,
      },
    }),
    isReady: () => db.isReady(),
    maxReceiveBytes,
  });
  scope.push('server', () => server.stop(drainWithinMs));
  await server.setReady();
  await register(mesh, server.address, scope, logger);
  return { address: server.address };
}

async function openMigrated({ databaseUrl, mesh }: ConfigConfig, scope: Scope, logger: Logger): Promise<Database> {
  const db = await openDatabase({ url: databaseUrl, applicationName: mesh.identity.instance, logger });
  scope.push('database', () => db.close());
  await migrate(db, { schema: 'config', directory: new URL('../sql/', import.meta.url) });
  return db;
}

function createContext(db: Database, logger: Logger): Context {
  const heads = new Heads();
  return {
    db,
    heads,
    writer: new Writer(db, heads, systemClock),
    frames: new FrameLog(db, logger),
    acks: new Acks(),
    keyring: new Keyring(db, logger),
    clock: systemClock,
  };
}

function bindServices(context: Context) {
  return [
    bind(ConfigServiceService, {
      createProject: (request, call) => handleCreateProject(context, request, call),
      createEnvironment: (request, call) => handleCreateEnvironment(context, request, call),
      createKey: (request, call) => handleCreateKey(context, request, call),
      listKeys: (request, call) => handleListKeys(context, request, call),
      importRuleset: (request, call) => handleImportRuleset(context, request, call),
      listEntities: (request, call) => handleListEntities(context, request, call),
      getEntity: (request, call) => handleGetEntity(context, request, call),
      updateGate: (request, call) => handleUpdateGate(context, request, call),
      waitForRevision: (request, call) => handleWaitForRevision(context, request, call),
    }),
    bind(RulesetServiceService, {
      listSets: (_request, call) => handleListSets(context, call),
      getRuleset: (request, call) => handleGetRuleset(context, request, call),
      watchRuleset: (request, call) => handleWatchRuleset(context, request, call),
    }),
  ];
}
