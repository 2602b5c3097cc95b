import { hostname } from 'node:os';
import { z } from 'zod';
import { address, type HostPort, readEnv, secretFile } from './env.js';
import { limitShape, limitsOf, type ServerLimits } from './server-limits.js';
import { version } from './version.js';

/** Who a process is. */
export interface Identity {
  readonly service: string;
  /** Unique among the instances of the service. */
  readonly instance: string;
  /** Equals the Consul datacenter. */
  readonly region: string;
  readonly version: string;
}

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

/** What every service reads from its environment. */
export interface MeshConfig {
  readonly identity: Identity;
  /** Where the gRPC server listens. */
  readonly grpcAddr: HostPort;
  /** Consul's HTTP address, `host:port`; absent to run without discovery. */
  readonly consulAddr: string | undefined;
  /** The secret that services show each other. */
  readonly meshKey: string;
  readonly logLevel: LogLevel;
  /** Where metrics are scraped; absent to have none. */
  readonly metricsAddr?: HostPort | undefined;
  /** What the server takes from strangers; the defaults when absent. */
  readonly limits?: ServerLimits | undefined;
}

export type ServiceName = 'config' | 'evaluation' | 'ingestion' | 'health';

/** @throws ConfigError naming each variable that is missing or wrong. */
export function readMeshConfig(service: ServiceName, env: NodeJS.ProcessEnv = process.env): MeshConfig {
  const addressVariable = `${service.toUpperCase()}_GRPC_ADDR`;
  const metricsVariable = `${service.toUpperCase()}_METRICS_ADDR`;
  const common = {
    SLUICE_REGION: z.string().default('local'),
    SLUICE_INSTANCE: z.string().default(`${service}-${hostname()}`),
    CONSUL_HTTP_ADDR: address().optional(),
    MESH_KEY_FILE: secretFile(),
    LOG_LEVEL: z.enum(logLevels, `it must be one of ${logLevels.join(', ')}`).default('info'),
  };
  // Read together, so that all problems are told at once; these variables' names depend on the service.
  const addresses = { [addressVariable]: address(), [metricsVariable]: address().optional() };
  const settings = readEnv({ ...common, ...addresses, ...limitShape } as typeof common, env);
  const { [addressVariable]: grpcAddr, [metricsVariable]: metricsAddr } = settings as Readonly<Record<string, unknown>>;
  const consul = settings.CONSUL_HTTP_ADDR;
  return Object.freeze({
    identity: Object.freeze({
      service,
      instance: settings.SLUICE_INSTANCE,
      region: settings.SLUICE_REGION,
      version,
    }),
    grpcAddr: grpcAddr as HostPort,
    consulAddr: consul && `${consul.host}:${consul.port}`,
    meshKey: settings.MESH_KEY_FILE,
    logLevel: settings.LOG_LEVEL,
    metricsAddr: metricsAddr as HostPort | undefined,
    limits: limitsOf(settings),
  });
}
