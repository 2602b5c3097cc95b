import { setMaxListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Server, type ServiceDefinition } from '@grpc/grpc-js';
import { loadFileDescriptorSetFromBuffer } from '@grpc/proto-loader';
import { ReflectionService } from '@grpc/reflection';
import { descriptorsUrl, HealthService } from '@sluice/proto';
import type { Logger } from 'pino';
import { createAuthenticate, type FindGrant } from './auth.js';
import type { ServiceBinding } from './bind.js';
import { exposeClients } from './client-counts.js';
import { createFront } from './front.js';
import { HealthState } from './health-service.js';
import { CallTimes, exposeInstance } from './instance-metrics.js';
import { type Description, instanceService } from './instance-service.js';
import { listen } from './listen.js';
import { LoadMeter } from './load-meter.js';
import type { MeshConfig } from './mesh-config.js';
import { type Metrics, startMetrics } from './metrics.js';
import { type IsReady, Readiness } from './readiness.js';
import { routesOf } from './routes.js';
import { exposeServer } from './server-counts.js';
import { defaultLimits, type ServerLimits } from './server-limits.js';

export interface ServerOptions {
  readonly mesh: MeshConfig;
  readonly logger: Logger;
  readonly findGrant: FindGrant;
  readonly services: readonly ServiceBinding[];
  /** What this instance says of itself to whoever asks. */
  readonly describe: () => Description;
  /** Asked every 500 ms once `setReady` was called; no answer in time is a no. */
  readonly isReady?: IsReady;
  /** Largest request in bytes. */
  readonly maxReceiveBytes?: number;
  /** The process's metrics, when it has some of its own; made here otherwise. */
  readonly metrics?: Metrics;
  /** In the place of the mesh's limits. */
  readonly limits?: Partial<ServerLimits>;
}

export interface MeshServer {
  readonly address: string;
  readonly port: number;
  /** Where metrics are scraped; absent when no address was given for them. */
  readonly metricsUrl: string | undefined;
  /** From here on health follows `isReady`. */
  setReady(): Promise<void>;
  /** NOT_SERVING, then lets calls finish; those that have not by `deadlineMs` from now are cut off. */
  stop(deadlineMs: number): Promise<void>;
}

/** The one server builder: authentication, tracing, errors, health, reflection and limits are in it, so that no service can forget one. */
export async function startServer(options: ServerOptions): Promise<MeshServer> {
  const { mesh, logger } = options;
  const server = new Server({
    'grpc.max_receive_message_length': options.maxReceiveBytes ?? 1024 * 1024,
    'grpc.max_send_message_length': -1,
    'grpc.keepalive_time_ms': 10_000,
    'grpc.keepalive_timeout_ms': 5_000,
    // Its books cost every call, and nobody reads them.
    'grpc.enable_channelz': 0,
  });
  const limits = { ...defaultLimits, ...mesh.limits, ...options.limits };
  const metrics = options.metrics ?? (await startMetrics(mesh, logger));
  exposeInstance(metrics, mesh.identity.service, options.describe);
  const draining = new AbortController();
  setMaxListeners(0, draining.signal);
  const load = new LoadMeter(metrics);
  const services = [...options.services, instanceService(options, load)];
  const definitions = [...services.map(({ definition }) => definition), HealthService];
  const front = createFront(server, { limits, routes: routesOf(definitions), meshKey: mesh.meshKey });
  exposeClients(metrics);
  exposeServer(metrics, front.counts, () => front.levels);
  const chassis = {
    authenticate: createAuthenticate(mesh.meshKey, options.findGrant),
    logger,
    defaultTimeoutMs: limits.callTimeoutMs || Number.POSITIVE_INFINITY,
    park: front.park,
    cutOff: front.cutOff,
    streamStallMs: limits.streamStallMs,
    draining: draining.signal,
    times: new CallTimes(metrics),
  };
  for (const { definition, implement } of services) server.addService(definition, implement(chassis));
  const names = services.map(({ definition }) => serviceName(definition));
  const health = new HealthState(names);
  server.addService(HealthService, health.implementation());
  reflection([...names, serviceName(HealthService)]).addToServer(server);
  const listening = await listen(front, mesh.grpcAddr);
  const { port } = listening;
  const address = `${mesh.grpcAddr.host}:${port}`;
  const readiness = new Readiness(health, options);
  return {
    address,
    port,
    metricsUrl: metrics.url,
    setReady: () => readiness.start(),
    stop: async (deadlineMs) => {
      const forceAtMs = performance.now() + deadlineMs;
      readiness.stop();
      health.set(false);
      // Who watches our health, or Consul, moves on before anything is closed.
      await sleep(Math.min(limits.drainGraceMs, deadlineMs / 2));
      health.close();
      draining.abort();
      listening.close();
      await stop(server, forceAtMs - performance.now());
      front.close();
      load.close();
      if (options.metrics === undefined) await metrics.close();
    },
  };
}

function serviceName(definition: ServiceDefinition): string {
  const path = Object.values(definition)[0]?.path ?? '/';
  return path.slice(1, path.lastIndexOf('/'));
}

/** Lists what this process serves, out of all contracts of the mesh. */
function reflection(services: string[]): ReflectionService {
  return new ReflectionService(loadFileDescriptorSetFromBuffer(readFileSync(descriptorsUrl)), { services });
}

async function stop(server: Server, deadlineMs: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const force = setTimeout(() => server.forceShutdown(), Math.max(deadlineMs, 0));
    server.tryShutdown(() => {
      clearTimeout(force);
      resolve();
    });
  });
}
