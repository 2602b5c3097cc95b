/** Composition root of health. */
import { join } from 'node:path';
import { connectBus } from '@sluice/bus';
import {
  bind,
  createLogger,
  type Logger,
  labelsOf,
  type Metrics,
  register,
  type Scope,
  startMetrics,
  startServer,
  systemClock,
} from '@sluice/mesh';
import { HealthState, MeshHealthServiceService } from '@sluice/proto';
import { createAuthority, Disk, Follower, Holdings } from '@sluice/replica';
import type { HealthConfig } from './config.js';
import { ConsulWatch } from './consul-watch.js';
import { getMesh, type Handling, lagsOf } from './handlers.js';
import { findGrantIn } from './keys.js';
import { Newest } from './newest.js';
import { Roster } from './roster.js';

const stopWithinMs = 2_000;

/** Starts health. It looks at once, and is ready as long as Consul, its window on the mesh, answers. */
export async function startHealth(config: HealthConfig, scope: Scope): Promise<{ address: string }> {
  const { identity, consulAddr } = config;
  const logger = createLogger(identity, config.logLevel);
  const holdings = await followKeys(config, scope, logger);
  const newest = new Newest();
  const roster = new Roster({
    ...config,
    clock: systemClock,
    logger,
    consulFault: () => watch.fault,
    onSelf: (self) => newest.hear(self),
  });
  scope.push('roster', () => roster.close());
  const watch = new ConsulWatch({
    consulAddr,
    logger,
    onInstances: (service, instances) => roster.update(service, instances),
  });
  watch.start(scope);
  const handling: Handling = { roster, newest, clock: systemClock };
  const metrics = await startMetrics(config, logger);
  scope.push('metrics', () => metrics.close());
  exposeMesh(metrics, handling);
  const server = await startServer({
    mesh: config,
    logger,
    metrics,
    findGrant: findGrantIn(holdings, config.rootKey),
    services: [bind(MeshHealthServiceService, { getMesh: (request, call) => getMesh(handling, request, call) })],
    // Rulesets are followed for their keys only: this service decides nothing.
    describe: () => ({ sets: [], counters: { instances: roster.members().length } }),
    isReady: () => watch.fault === undefined,
  });
  scope.push('server', () => server.stop(stopWithinMs));
  await server.setReady();
  await register(config, server.address, scope, logger);
  logger.info({ address: server.address }, 'health listens');
  return { address: server.address };
}

/** Each instance of the mesh as it was seen last: whether it serves, and how far behind config it is. */
function exposeMesh(metrics: Metrics, { roster, newest, clock }: Handling): void {
  metrics.gauge('sluice_mesh_instance_up', '1 for an instance that serves', () =>
    roster.members().map(({ service, instance, region, verdict }) => ({
      value: verdict.state === HealthState.SERVING ? 1 : 0,
      labels: { member_service: service, member_instance: instance, member_region: region },
    })),
  );
  metrics.gauge('sluice_mesh_lag_revisions', 'Revisions between the newest and the one that an evaluator holds', () =>
    roster.members().flatMap((member) =>
      member.service === 'evaluation'
        ? lagsOf(member, newest, clock.now()).map((lag) => ({
            value: lag.behind,
            labels: { ...labelsOf(lag), member_instance: member.instance, member_region: member.region },
          }))
        : [],
    ),
  );
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
