import { createHash } from 'node:crypto';
import { globSync, statSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder, checkout, type Folders } from './paths.js';
import type { ProcessSpec } from './process-spec.js';
import { secretPath } from './secrets.js';

export type ServiceKind = 'config' | 'evaluation' | 'ingestion' | 'health';

/** What every service of a stack has in common. */
export interface Surroundings {
  readonly folders: Folders;
  readonly region: string;
  /** Where it listens; loopback unless said. */
  readonly host?: string | undefined;
  /** Before the names of instances. */
  readonly prefix?: string | undefined;
  /** `host:port` of Consul's HTTP API. */
  readonly consulAddr: string;
  readonly natsUrl: string;
  readonly databaseUrl: string;
  /** Passed to every service on top of what it needs, such as `OTEL_*` and `LOG_LEVEL`. */
  readonly env: Readonly<Record<string, string>>;
}

/** How to start one instance of a service. Makes the folder for its state. Without a port for metrics it has none. */
export async function serviceProcess(
  surroundings: Surroundings,
  service: ServiceKind,
  name: string,
  port: number,
  metricsPort?: number,
): Promise<ProcessSpec> {
  const { prefix = '', host = '127.0.0.1', region } = surroundings;
  const instance = `${prefix}${name}`;
  const stateFolder = join(surroundings.folders.data, instance);
  await mkdir(stateFolder, { recursive: true });
  const address = `${host}:${port}`;
  const metricsAddress = metricsPort === undefined ? undefined : `${host}:${metricsPort}`;
  return {
    name: instance,
    service,
    region,
    command: process.execPath,
    args: [
      '--enable-source-maps',
      '--import',
      import.meta.resolve('@sluice/mesh/telemetry'),
      join(checkout, 'services', service, 'dist/main.js'),
    ],
    env: {
      ...commonEnv(surroundings),
      ...specificEnv(service, surroundings),
      SLUICE_INSTANCE: instance,
      SLUICE_STATE_DIR: stateFolder,
      [`${service.toUpperCase()}_GRPC_ADDR`]: address,
      ...(metricsAddress && { [`${service.toUpperCase()}_METRICS_ADDR`]: metricsAddress }),
      ...surroundings.env,
    },
    address,
    metricsUrl: metricsAddress && `http://${metricsAddress}/metrics`,
    ports: metricsPort === undefined ? [port] : [port, metricsPort],
    check: { kind: 'grpc', address },
    stopSignal: 'SIGTERM',
    fingerprint: fingerprintOf(service),
  };
}

function commonEnv({ folders, region, consulAddr, natsUrl }: Surroundings): Record<string, string> {
  return {
    SLUICE_REGION: region,
    CONSUL_HTTP_ADDR: consulAddr,
    NATS_URL: natsUrl,
    MESH_KEY_FILE: secretPath(folders, meshKeyName),
    NODE_ENV: 'production',
    // Compiled once for all processes that run the same code: they start in three quarters of the time.
    NODE_COMPILE_CACHE: join(cacheFolder(), 'compiled'),
  };
}

export const meshKeyName = 'mesh.key';
export const rootKeyName = 'root.key';

function specificEnv(service: ServiceKind, { folders, databaseUrl }: Surroundings): Record<string, string> {
  switch (service) {
    case 'config':
      return { CONFIG_DATABASE_URL: databaseUrl, CONFIG_ROOT_KEY_FILE: secretPath(folders, rootKeyName) };
    case 'ingestion':
      return { INGESTION_DATABASE_URL: databaseUrl };
    case 'health':
      return { HEALTH_ROOT_KEY_FILE: secretPath(folders, rootKeyName) };
    case 'evaluation':
      return {};
    default: {
      const never: never = service;
      return never;
    }
  }
}

/** Changes when the compiled code behind a service does, so that `make up` brings the new code. */
function fingerprintOf(service: ServiceKind): string {
  const files = globSync([`services/${service}/dist/**/*.js`, 'packages/*/dist/**/*.js'], { cwd: checkout })
    .filter((file) => !isBesideTheService(file))
    .sort()
    .map((file) => {
      const { size, mtimeMs } = statSync(join(checkout, file));
      return `${file} ${size} ${mtimeMs}`;
    });
  return createHash('sha256').update(files.join('\n')).digest('hex').slice(0, 16);
}

/** Code that lies in the packages and that no service loads. */
function isBesideTheService(file: string): boolean {
  return file.endsWith('.test.js') || /^packages\/(stack|testkit|cli|sdk)\//.test(file);
}

/** The compiled entry point of the public command line. */
export const sluiceCommand: string = fileURLToPath(new URL('../../cli/bin/sluice.js', import.meta.url));
