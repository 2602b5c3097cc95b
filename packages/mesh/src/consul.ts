import Consul from 'consul';
import type { Logger } from 'pino';
import { jitter } from './backoff.js';
import { offerQuery } from './failover-query.js';
import type { MeshConfig } from './mesh-config.js';
import type { Release, Scope } from './scope.js';

/** An instance that Consul holds as passing its checks. */
export interface Instance {
  readonly id: string;
  /** `host:port`. */
  readonly address: string;
  readonly region: string;
}

function connect(consulAddr: string): Consul {
  const at = consulAddr.lastIndexOf(':');
  return new Consul({
    host: consulAddr.slice(0, at),
    port: Number(consulAddr.slice(at + 1)),
  });
}

const retryMs = 500;

const requestTimeoutMs = 2_000;

/** The client passes `timeout` to each request, though its types don't say so. */
const timely = <T extends object>(options: T): T => ({
  ...options,
  timeout: requestTimeoutMs,
});

/** Consul forgets registrations when its data is lost: say it again this often. */
const repeatMs = 10_000;

/**
 * Announces this instance, with a gRPC health check every second, the shortest that Consul
 * allows. Goes on trying in the background while Consul is away; the scope's release takes the
 * instance out of discovery before its server drains.
 */
export async function register(mesh: MeshConfig, address: string, scope: Scope, logger: Logger): Promise<void> {
  if (mesh.consulAddr === undefined) return;
  const consul = connect(mesh.consulAddr);
  let timer: NodeJS.Timeout | undefined;
  let isReleased = false;
  let isRegistered = false;
  const announce = async (): Promise<void> => {
    try {
      await consul.agent.service.register(timely(registration(mesh, address)));
      if (!isRegistered) {
        logger.info({ address }, 'registered');
        offerQuery(consul, mesh.identity.service, requestTimeoutMs).catch((error: unknown) =>
          logger.warn({ reason: String(error) }, 'the prepared query can not be made'),
        );
      }
      isRegistered = true;
    } catch (error) {
      if (isRegistered) logger.warn({ reason: String(error) }, 'Consul does not answer; discovery goes on from memory');
      isRegistered = false;
    }
    if (!isReleased) timer = setTimeout(announce, isRegistered ? repeatMs : jitter(retryMs));
  };
  scope.push('consul registration', async () => {
    isReleased = true;
    clearTimeout(timer);
    await consul.agent.service.deregister(timely({ id: mesh.identity.instance }));
  });
  await announce();
}

function registration({ identity }: MeshConfig, address: string) {
  const at = address.lastIndexOf(':');
  return {
    name: identity.service,
    id: identity.instance,
    address: address.slice(0, at),
    port: Number(address.slice(at + 1)),
    meta: { region: identity.region, version: identity.version },
    check: {
      name: 'grpc.health.v1',
      grpc: address,
      interval: '1s',
      timeout: '500ms',
      status: 'passing',
      deregistercriticalserviceafter: '10m',
    },
  };
}

interface HealthEntry {
  readonly Service: {
    readonly ID: string;
    readonly Address: string;
    readonly Port: number;
    readonly Meta: Readonly<Record<string, string>> | null;
  };
  readonly Node: { readonly Address: string; readonly Datacenter: string };
  readonly Checks: readonly { readonly Status: string }[];
}

function instanceOf({ Service, Node }: HealthEntry): Instance {
  return {
    id: Service.ID,
    address: `${Service.Address || Node.Address}:${Service.Port}`,
    region: Service.Meta?.region ?? Node.Datacenter,
  };
}

export interface WatchOptions {
  readonly consulAddr: string;
  readonly service: string;
  /** Another datacenter than that of the Consul that is asked. */
  readonly datacenter?: string;
  /** Also report instances that fail their checks. */
  readonly isAllWanted?: boolean;
  /** Told when Consul can't be asked; the last answer stands meanwhile. */
  readonly onError?: (reason: string) => void;
}

/** Follows the instances of a service by blocking queries; `onInstances` is called on each change. */
export function watchService(options: WatchOptions, onInstances: (instances: Instance[]) => void): Release {
  const consul = connect(options.consulAddr);
  const watch = consul.watch({
    method: consul.health.service,
    // `stale` lets any server answer: discovery outlives the loss of Consul's leader.
    options: {
      service: options.service,
      stale: 'true',
      wait: '30s',
      ...(options.datacenter === undefined ? {} : { dc: options.datacenter }),
      ...(options.isAllWanted ? {} : { passing: 'true' }),
    },
    // Each watch has waits of its own, so that a Consul that comes back is not asked by all at once.
    backoffFactor: jitter(100),
    backoffMax: jitter(1_000),
  });
  watch.on('change', (entries: HealthEntry[]) => onInstances(entries.map(instanceOf)));
  watch.on('error', (error: Error) => options.onError?.(error.message));
  return () => watch.end();
}

/** All datacenters that Consul knows, its own first. */
export async function listDatacenters(consulAddr: string): Promise<string[]> {
  const consul = connect(consulAddr);
  const [self, all] = await Promise.all([consul.agent.self(timely({})), consul.catalog.datacenters(timely({}))]);
  const own = (self as { Config: { Datacenter: string } }).Config.Datacenter;
  return [own, ...(all as string[]).filter((name) => name !== own)];
}

/** Asks Consul once. */
export async function listInstances(consulAddr: string, service: string): Promise<Instance[]> {
  const answer = await connect(consulAddr).health.service(timely({ service, passing: true }));
  return (answer as unknown as HealthEntry[]).map(instanceOf);
}
