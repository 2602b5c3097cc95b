/** Composition root of health. */
import { join } from 'node:path';
import { connectBus } from '@sluice/bus';
import {
  bind,
  createLogger,
  type Logger,
  register,
  type Scope,
  startMetrics,
  startServer,
  systemClock,
} from '@sluice/mesh';
import { MeshHealthServiceService } from '@sluice/proto';
import { createAuthority, Disk, Follower, Holdings } from '@sluice/replica';
import type { HealthConfig } from './config.js';
import { ConsulWatch } from './consul-watch.js';
import { getIncidents, getMesh, getSlo, type Handling } from './handlers.js';
import { findGrantIn } from './keys.js';
import { exposeMesh } from './mesh-metrics.js';
import { Newest } from './newest.js';
import { Roster } from './roster.js';
import type { SavedMember } from './roster-memory.js';
import { startObservatory } from './start-observatory.js';
import { StateFile } from './state-file.js';
import { addStatusPage } from './status-page.js';
import { watchMesh } from './watch-mesh.js';

const stopWithinMs = 2_000;

/** Starts health. It looks at once, and is ready as long as Consul, its window on the mesh, answers. */
export async function startHealth(config: HealthConfig, scope: Scope): Promise<{ address: string }> {
  const { identity, consulAddr } = config;
  const logger = createLogger(identity, config.logLevel);
  const holdings = await followKeys(config, scope, logger);
  const newest = new Newest();
  const rosterFile = new StateFile<readonly SavedMember[]>(join(config.stateDir, 'roster.json'), logger);
  const roster = new Roster({
    ...config,
    clock: systemClock,
    logger,
    consulFault: () => watch.fault,
    onSelf: (self) => newest.hear(self),
    onChange: (members) => void rosterFile.save(members),
  });
  scope.push('roster', () => roster.close());
  const watch = new ConsulWatch({
    consulAddr,
    logger,
    onInstances: (service, instances) => roster.update(service, instances),
  });
  roster.restore((await rosterFile.load()) ?? []);
  watch.start(scope);
  const observatory = await startObservatory(config, scope, logger, { roster, watch });
  const handling: Handling = { roster, newest, clock: systemClock, observatory, region: identity.region };
  const metrics = await startMetrics(config, logger);
  scope.push('metrics', () => metrics.close());
  exposeMesh(metrics, handling);
  addStatusPage(metrics, handling, () => watch.fault);
  const server = await startServer({
    mesh: config,
    logger,
    metrics,
    findGrant: findGrantIn(holdings, config.rootKey),
    services: [
      bind(MeshHealthServiceService, {
        getMesh: (request, call) => getMesh(handling, request, call),
        watchMesh: (request, call) => watchMesh(handling, request, call),
        getSlo: (request, call) => getSlo(handling, request, call),
        getIncidents: (request, call) => getIncidents(handling, request, call),
      }),
    ],
    // Rulesets are followed for their keys only: this service decides nothing.
    describe: () => ({ sets: [], counters: { instances: roster.members().length }, missing: missingOf(watch) }),
    isReady: () => watch.fault === undefined,
  });
  scope.push('server', () => server.stop(stopWithinMs));
  await server.setReady();
  await register(config, server.address, scope, logger);
  scope.push('judging', () => observatory.rest());
  logger.info({ address: server.address }, 'health listens');
  return { address: server.address };
}

/** Who may ask, known without asking anybody: keys travel in the rulesets. */
async function followKeys(config: HealthConfig, scope: Scope, logger: Logger): Promise<Holdings> {
  const { identity, consulAddr, stateDir } = config;
  const bus = await connectBus({ url: config.natsUrl, name: identity.instance, logger });
  scope.push('bus', () => bus.close());
  const authority = createAuthority({
    target: config.configTarget,
    key: config.meshKey,
    consulAddr,
    region: identity.region,
  });
  scope.push('config client', () => authority.close());
  const holdings = new Holdings();
  const disk = new Disk({ directory: join(stateDir, 'rulesets'), logger });
  const follower = new Follower({ holdings, disk, source: bus, authority, logger });
  scope.push('key follower', () => follower.close());
  await follower.start();
  return holdings;
}

/** Without Consul it sees only what it knew before. */
function missingOf({ seenFault }: ConsulWatch): Record<string, string> {
  return seenFault === undefined ? {} : { consul: `can't be asked (${seenFault})` };
}
