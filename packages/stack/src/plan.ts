import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { newSecret } from '@sluice/mesh';
import { isRoot } from './account.js';
import { consulServer } from './consul-server.js';
import { natsServer } from './nats-server.js';
import type { Folders } from './paths.js';
import { type PortPlan, planPorts } from './port-plan.js';
import { postgresServer } from './postgres-server.js';
import type { ProcessSpec } from './process-spec.js';
import { keepSecret } from './secrets.js';
import { meshKeyName, rootKeyName, type Surroundings, serviceProcess } from './services.js';
import type { StackSettings } from './settings.js';
import { tracesProcess } from './traces-process.js';

/** The region of a stack on one machine. */
export const region = 'local';

/** A whole stack, in the order in which it starts: the members of a layer don't need each other. */
export interface StackPlan {
  readonly layers: readonly (readonly ProcessSpec[])[];
  readonly ports: PortPlan;
  /** Database of the services. */
  readonly databaseUrl: string;
  /** Names a database of our own PostgreSQL; absent when `DATABASE_URL` was given. */
  readonly adminUrl: string | undefined;
}

/**
 * Decides what runs and how. Finds or fetches the servers' programs, makes keys and data folders.
 * @throws StackProblem when a server can't be had.
 */
export async function planStack(
  folders: Folders,
  settings: StackSettings,
  env: NodeJS.ProcessEnv = process.env,
): Promise<StackPlan> {
  const ports = planPorts(settings.basePort);
  await keepSecret(folders, meshKeyName, () => randomBytes(32).toString('base64url'));
  await keepSecret(folders, rootKeyName, () => newSecret('console'));
  const [consul, nats, postgres] = await Promise.all([
    consulServer({ folders, region, ports: consulPorts(ports) }),
    natsServer({ folders, region, ports: { client: ports.nats, monitor: ports.natsMonitor } }),
    env.DATABASE_URL ? undefined : ownPostgres(folders, settings, ports),
  ]);
  const databaseUrl = env.DATABASE_URL || postgres?.databaseUrl || '';
  const surroundings: Surroundings = {
    folders,
    region,
    consulAddr: consul.address,
    natsUrl: `nats://${nats.address}`,
    databaseUrl,
    env: passedOn(env, settings, ports),
  };
  const service = serviceProcess.bind(undefined, surroundings);
  const traces = settings.isTraced ? [await tracesProcess(folders, ports)] : [];
  const servers = [consul, nats, ...(postgres ? [postgres.spec] : []), ...traces];
  const authority = [await service('config', 'config-1', ports.config)];
  const others = await Promise.all([
    service('evaluation', 'evaluation-1', ports.evaluation1),
    service('evaluation', 'evaluation-2', ports.evaluation2),
    service('ingestion', 'ingestion-1', ports.ingestion),
    service('health', 'health-1', ports.health),
  ]);
  return { layers: [servers, authority, others], ports, databaseUrl, adminUrl: postgres?.adminUrl };
}

function consulPorts(ports: PortPlan) {
  return {
    http: ports.consulHttp,
    rpc: ports.consulRpc,
    serfLan: ports.consulSerfLan,
    serfWan: ports.consulSerfWan,
  };
}

const databaseName = 'sluice';

async function ownPostgres(folders: Folders, settings: StackSettings, ports: PortPlan) {
  const dataFolder = postgresDataFolder(folders, settings);
  const { spec, adminUrl } = await postgresServer({ folders, dataFolder, port: ports.postgres });
  const url = new URL(adminUrl);
  url.pathname = `/${databaseName}`;
  return { spec, adminUrl, databaseUrl: url.href };
}

/** Root's PostgreSQL runs as somebody else, to whom the checkout may be closed. */
export function postgresDataFolder(folders: Folders, settings: StackSettings): string {
  return isRoot() ? join('/var/lib/sluice', settings.id, 'postgres') : join(folders.data, 'postgres');
}

/** Standard variables that a person sets for all services at once. */
function passedOn(env: NodeJS.ProcessEnv, settings: StackSettings, ports: PortPlan): Record<string, string> {
  const given = Object.entries(env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && /^(OTEL_[A-Z_]+|LOG_LEVEL)$/.test(entry[0]),
  );
  const endpoint = `http://127.0.0.1:${ports.traces}`;
  const traced = settings.isTraced ? { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint } : {};
  return { ...traced, ...Object.fromEntries(given) };
}
