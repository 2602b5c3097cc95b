import { connectBus, missingOf } from '@sluice/bus';
import {
  bind,
  createLogger,
  type HandlersOf,
  type Logger,
  Pacer,
  register,
  type Scope,
  startMetrics,
  startServer,
  systemClock,
  Turnstile,
} from '@sluice/mesh';
import { type Database, DatabaseProbe, migrate, openDatabase } from '@sluice/postgres';
import { ConfigServiceService } from '@sluice/proto';
import { relayedRulesetService } from '@sluice/replica';
import { Acks } from './acks.js';
import type { ConfigConfig } from './config.js';
import type { Context } from './context.js';
import { FrameLog } from './frame-log.js';
import { handleArchiveEntity, handleRestoreEntity } from './handlers/archive-entity.js';
import { handleCreateKey } from './handlers/create-key.js';
import { handleGetEntity, handleListEntities } from './handlers/entities.js';
import {
  handleArchiveEnvironment,
  handleGetEnvironment,
  handleListEnvironments,
  handleUpdateEnvironment,
} from './handlers/environments.js';
import { handleDiffRevisions, handleListRevisions, handleRollback } from './handlers/history.js';
import { handleDescribeIdList, handleUploadIdList } from './handlers/id-lists.js';
import { handleImportRuleset } from './handlers/import-ruleset.js';
import { handleArchiveKey, handleGetKey, handleListKeys, handleRestoreKey, handleUpdateKey } from './handlers/keys.js';
import { handleListAudit } from './handlers/list-audit.js';
import { handleDeleteOverride, handleListOverrides, handlePutOverride } from './handlers/overrides.js';
import {
  handleArchiveProject,
  handleCreateEnvironment,
  handleCreateProject,
  handleGetProject,
  handleListProjects,
  handleUpdateProject,
} from './handlers/projects.js';
import { handleGetRuleset, handleListSets, handleWatchRuleset } from './handlers/rulesets.js';
import { handleUpdateGate } from './handlers/update-gate.js';
import { handleVerifyAudit } from './handlers/verify-audit.js';
import { handleWaitForRevision } from './handlers/wait-for-revision.js';
import { handleWriteEntities } from './handlers/write-entities.js';
import { Heads } from './heads.js';
import { Keyring } from './keyring.js';
import { Publisher } from './publisher.js';
import { startPulse } from './pulse.js';
import { refuseNul } from './refuse-nul.js';
import { grantRootKey } from './sets.js';
import { Snapshots } from './snapshots.js';
import { Status } from './status.js';
import { UploadSlots } from './upload-slots.js';
import { Writer } from './writer.js';

/** Rulesets of tens of thousands of entities are imported in one message. */
const maxReceiveBytes = 64 * 1024 * 1024;
/** Snapshots for those who watch: this rate together after a burst, and nobody waits for longer. */
const snapshotPace = { bytesPerSecond: 48 * 1024 * 1024, burstBytes: 4 * 1024 * 1024, waitMaxMs: 4_000 };
/** Watchers that are written to before calls get their turn. */
const readersPerTurn = 32;
const drainWithinMs = 5_000;
/** What a frozen replica locked is free after this; with one look of the publisher, below two seconds. */
const idleInTransactionMs = 1_000;

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
  scope.push('acks', context.acks.start(bus, mesh.consulAddr, logger));
  const metrics = await startMetrics(mesh, logger);
  scope.push('metrics', () => metrics.close());
  const publisher = new Publisher(db, bus, logger, metrics);
  scope.push('publisher', await publisher.start());
  if (config.rootKey !== undefined) await grantRootKey(context.writer, config.rootKey);
  await context.keyring.refresh();
  scope.push('pulse', startPulse({ db, bus, clock: systemClock, instance: mesh.identity.instance }));
  const probe = new DatabaseProbe(db);
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
      missing: { ...missingOf(bus), ...probe.missing() },
    }),
    isReady: () => probe.ask(),
    maxReceiveBytes,
    metrics,
  });
  scope.push('server', () => server.stop(drainWithinMs));
  await server.setReady();
  await register(mesh, server.address, scope, logger);
  return { address: server.address };
}

async function openMigrated({ databaseUrl, mesh }: ConfigConfig, scope: Scope, logger: Logger): Promise<Database> {
  const applicationName = mesh.identity.instance;
  const db = await openDatabase({ url: databaseUrl, applicationName, idleInTransactionMs, logger });
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
    frames: new FrameLog(db),
    snapshots: new Snapshots(),
    pacer: new Pacer(snapshotPace),
    turnstile: new Turnstile(readersPerTurn),
    acks: new Acks(),
    keyring: new Keyring(db, logger),
    uploads: new UploadSlots(),
    clock: systemClock,
  };
}

function bindServices(context: Context) {
  return [
    bind(ConfigServiceService, configHandlers(context)),
    bind(relayedRulesetService, {
      listSets: (_request, call) => handleListSets(context, call),
      getRuleset: (request, call) => handleGetRuleset(context, refuseNul(request), call),
      watchRuleset: (request, call) => handleWatchRuleset(context, refuseNul(request), call),
    }),
  ];
}

/** One function for each method of ConfigService. */
function configHandlers(context: Context): HandlersOf<typeof ConfigServiceService> {
  return {
    ...lifecycleHandlers(context),
    ...entityHandlers(context),
    ...historyHandlers(context),
  };
}

function lifecycleHandlers(context: Context) {
  return {
    createProject: (request, call) => handleCreateProject(context, refuseNul(request), call),
    listProjects: (request, call) => handleListProjects(context, refuseNul(request), call),
    getProject: (request, call) => handleGetProject(context, refuseNul(request), call),
    updateProject: (request, call) => handleUpdateProject(context, refuseNul(request), call),
    archiveProject: (request, call) => handleArchiveProject(context, refuseNul(request), call, true),
    restoreProject: (request, call) => handleArchiveProject(context, refuseNul(request), call, false),
    createEnvironment: (request, call) => handleCreateEnvironment(context, refuseNul(request), call),
    listEnvironments: (request, call) => handleListEnvironments(context, refuseNul(request), call),
    getEnvironment: (request, call) => handleGetEnvironment(context, refuseNul(request), call),
    updateEnvironment: (request, call) => handleUpdateEnvironment(context, refuseNul(request), call),
    archiveEnvironment: (request, call) => handleArchiveEnvironment(context, refuseNul(request), call, true),
    restoreEnvironment: (request, call) => handleArchiveEnvironment(context, refuseNul(request), call, false),
    createKey: (request, call) => handleCreateKey(context, refuseNul(request), call),
    listKeys: (request, call) => handleListKeys(context, refuseNul(request), call),
    getKey: (request, call) => handleGetKey(context, refuseNul(request), call),
    updateKey: (request, call) => handleUpdateKey(context, refuseNul(request), call),
    archiveKey: (request, call) => handleArchiveKey(context, refuseNul(request), call),
    restoreKey: (request, call) => handleRestoreKey(context, refuseNul(request), call),
  } satisfies Partial<HandlersOf<typeof ConfigServiceService>>;
}

function entityHandlers(context: Context) {
  return {
    importRuleset: (request, call) => handleImportRuleset(context, refuseNul(request), call),
    writeEntities: (request, call) => handleWriteEntities(context, refuseNul(request), call),
    listEntities: (request, call) => handleListEntities(context, refuseNul(request), call),
    getEntity: (request, call) => handleGetEntity(context, refuseNul(request), call),
    updateGate: (request, call) => handleUpdateGate(context, refuseNul(request), call),
    archiveEntity: (request, call) => handleArchiveEntity(context, refuseNul(request), call),
    restoreEntity: (request, call) => handleRestoreEntity(context, refuseNul(request), call),
    uploadIdList: (requests, call) => handleUploadIdList(context, requests, call),
    describeIdList: (request, call) => handleDescribeIdList(context, refuseNul(request), call),
    putOverride: (request, call) => handlePutOverride(context, refuseNul(request), call),
    deleteOverride: (request, call) => handleDeleteOverride(context, refuseNul(request), call),
    listOverrides: (request, call) => handleListOverrides(context, refuseNul(request), call),
  } satisfies Partial<HandlersOf<typeof ConfigServiceService>>;
}

function historyHandlers(context: Context) {
  return {
    listRevisions: (request, call) => handleListRevisions(context, refuseNul(request), call),
    diffRevisions: (request, call) => handleDiffRevisions(context, refuseNul(request), call),
    rollback: (request, call) => handleRollback(context, refuseNul(request), call),
    listAudit: (request, call) => handleListAudit(context, refuseNul(request), call),
    verifyAudit: (request, call) => handleVerifyAudit(context, refuseNul(request), call),
    waitForRevision: (request, call) => handleWaitForRevision(context, refuseNul(request), call),
  } satisfies Partial<HandlersOf<typeof ConfigServiceService>>;
}
