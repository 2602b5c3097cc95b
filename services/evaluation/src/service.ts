import { join } from 'node:path';
import { type Bus, connectBus, missingOf } from '@sluice/bus';
import {
  bind,
  createClient,
  createLogger,
  currentTraceparent,
  type FindGrant,
  type Logger,
  Pacer,
  register,
  type Scope,
  type ServiceBinding,
  sharedClock,
  startMetrics,
  startServer,
  systemClock,
} from '@sluice/mesh';
import { type HeldSet, IngestionServiceService } from '@sluice/proto';
import {
  type Applied,
  type Authority,
  createAuthority,
  Disk,
  Follower,
  type FollowerOptions,
  Holdings,
  relayedRulesetService,
  rulesetStream,
} from '@sluice/replica';
import { Acks } from './acks.js';
import type { EvaluationConfig } from './config.js';
import { loadCountries } from './countries.js';
import { evaluationService } from './definition.js';
import { ExposureQueue } from './exposure-queue.js';
import {
  evaluate,
  evaluateAll,
  explain,
  getRuleset,
  type Handling,
  initializeClient,
  listSets,
  watchRuleset,
} from './handlers.js';
import {
  batchTimeoutMs,
  flushTimeoutMs,
  keyGraceMs,
  requestBytesMax,
  snapshotBurstBytes,
  snapshotBytesPerSecond,
  snapshotWaitMaxMs,
} from './limits.js';
import { outdone, Peers, Standby } from './peers.js';
import { Relay } from './relay.js';
import { Replays } from './replays.js';
import { evaluateStream } from './stream.js';
import { exposeStream, Hops } from './stream-metrics.js';

const stopWithinMs = 5_000;

/** Starts an evaluator: it answers from disk at once, whatever else is dead. */
export async function startEvaluation(config: EvaluationConfig, scope: Scope): Promise<{ address: string }> {
  const logger = createLogger(config.identity, config.logLevel);
  const { natsUrl: url, natsReplicas: replicas, regions } = config;
  const bus = await connectBus({ url, name: config.identity.instance, logger, replicas });
  scope.push('bus', () => bus.close());
  if (regions && regions.own !== regions.home) {
    // The changes are published at home; this region keeps them at hand for when home is gone.
    scope.push('mirror of changes', bus.keepMirror({ name: rulesetStream, domain: regions.home }));
  }
  const exposures = startExposures(config, scope, logger);
  const metrics = await startMetrics(config, logger);
  scope.push('metrics', () => metrics.close());
  const hops = new Hops(metrics);
  const holdings = new Holdings();
  const relay = new Relay(holdings);
  scope.push('relay', () => relay.close());
  const acks = startAcks(config, holdings, bus, scope);
  const authority = connectAuthority(config, scope);
  const replays = new Replays(authority);
  scope.push('replays', () => replays.close());
  const follower = await startFollower(config, { holdings, source: bus, authority, logger }, scope, (applied) => {
    const atMs = sharedClock.now();
    relay.add(applied, { atMs, traceparent: currentTraceparent() });
    acks.applied(applied.state, atMs);
    hops.applied(applied, atMs);
  });
  const peers = new Peers(config.identity.instance);
  scope.push('peers', peers.follow(bus));
  const standby = new Standby();
  const isOutdone = (): boolean => outdone(holdings, peers, config.staleAfterMs) !== undefined;
  const pacer = new Pacer({
    bytesPerSecond: snapshotBytesPerSecond,
    burstBytes: snapshotBurstBytes,
    waitMaxMs: snapshotWaitMaxMs,
  });
  exposeStream(metrics, { holdings, follower, relay, pacer, staleAfterMs: config.staleAfterMs });
  const counters = { requests: 0, evaluations: 0 };
  const handling: Handling = {
    holdings,
    follower,
    replays,
    relay,
    pacer,
    exposures,
    countries: loadCountries(),
    staleAfterMs: config.staleAfterMs,
    clock: systemClock,
    counters,
  };
  const server = await startServer({
    mesh: config,
    logger,
    findGrant: findGrantIn(holdings, follower),
    services: bindings(handling),
    describe: () => ({
      sets: heldSets(holdings),
      counters: { ...counters, ...follower.counters, ...exposures.counters, exposures_waiting: exposures.size },
      missing: missingOf(bus),
    }),
    isReady: () => follower.isSettled() && !standby.stepsBack(isOutdone()),
    metrics,
    maxReceiveBytes: requestBytesMax,
  });
  scope.push('server', () => server.stop(stopWithinMs));
  await server.setReady();
  await register(config, server.address, scope, logger);
  logger.info({ address: server.address, sets: holdings.size }, 'evaluation started');
  return { address: server.address };
}

function bindings(handling: Handling): ServiceBinding[] {
  return [
    bind(evaluationService, {
      evaluate: (request, call) => evaluate(handling, request, call, call),
      evaluateAll: (request, call) => evaluateAll(handling, request, call),
      evaluateStream: (call) => evaluateStream(handling, call),
      explain: (request, call) => explain(handling, request, call),
      initializeClient: (request, call) => initializeClient(handling, request, call),
    }),
    bind(relayedRulesetService, {
      listSets: (_request, call) => listSets(handling, call),
      getRuleset: (request, call) => getRuleset(handling, request, call),
      watchRuleset: (request, call) => watchRuleset(handling, request, call),
    }),
  ];
}

function startExposures(config: EvaluationConfig, scope: Scope, logger: Logger): ExposureQueue {
  const ingestion = createClient(IngestionServiceService, {
    target: config.ingestionTarget,
    key: config.meshKey,
    consulAddr: config.consulAddr,
    region: config.identity.region,
    endpointsDir: join(config.stateDir, 'endpoints'),
  });
  scope.push('ingestion client', () => ingestion.close());
  const queue = new ExposureQueue({
    send: (request, signal) => ingestion.logEvents(request, { timeoutMs: batchTimeoutMs, signal }),
    exposuresMax: config.exposuresMax,
    logger,
  });
  scope.push('exposures', () => queue.close(flushTimeoutMs));
  return queue;
}

function startAcks(config: EvaluationConfig, holdings: Holdings, bus: Bus, scope: Scope): Acks {
  const acks = new Acks({
    identity: config.identity,
    holdings,
    broadcast: (subject, data) => bus.broadcast(subject, data),
    clock: systemClock,
  });
  scope.push('acks', acks.start());
  return acks;
}

function connectAuthority(config: EvaluationConfig, scope: Scope): Authority {
  const authority = createAuthority({
    target: config.configTarget,
    key: config.meshKey,
    consulAddr: config.consulAddr,
    region: config.identity.region,
    endpointsDir: join(config.stateDir, 'endpoints'),
  });
  scope.push('config client', () => authority.close());
  return authority;
}

async function startFollower(
  config: EvaluationConfig,
  parts: Pick<FollowerOptions, 'holdings' | 'source' | 'authority' | 'logger'>,
  scope: Scope,
  onApplied: (applied: Applied) => void,
): Promise<Follower> {
  const disk = new Disk({ directory: join(config.stateDir, 'rulesets'), logger: parts.logger });
  const follower = new Follower({ ...parts, disk, onApplied });
  scope.push('follower', () => follower.close());
  await follower.start();
  return follower;
}

/** A key that was made a moment ago is granted by a change that is on its way. */
function findGrantIn(holdings: Holdings, follower: Follower): FindGrant {
  return (digest) => {
    const grant = holdings.findGrant(digest);
    if (grant) return grant;
    follower.hurry();
    return holdings.waitForGrant(digest, keyGraceMs);
  };
}

function heldSets(holdings: Holdings): HeldSet[] {
  return holdings.all().map(({ state, ageMs }) => ({
    set: state.set,
    revision: state.revision,
    stateHash: Buffer.from(state.stateHash),
    committedAtMs: state.committedAtMs,
    ageMs,
  }));
}
