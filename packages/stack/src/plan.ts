import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { newSecret } from '@sluice/mesh';
import { isRoot } from './account.js';
import type { Folders } from './paths.js';
import { type PortPlan, planPorts } from './port-plan.js';
import { postgresServer } from './postgres-server.js';
import type { ProcessSpec } from './process-spec.js';
import { planRegion } from './region-plan.js';
import { planRegions, type Region } from './regions.js';
import { keepSecret } from './secrets.js';
import { meshKeyName, rootKeyName } from './services.js';
import type { StackSettings } from './settings.js';
import { tracesProcess } from './traces-process.js';

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
  const regions = planRegions(settings.regions);
  const postgres = env.DATABASE_URL ? undefined : await ownPostgres(folders, settings, ports, regions);
  const databaseUrl = env.DATABASE_URL || postgres?.databaseUrl || '';
  const traces = settings.isTraced ? [await tracesProcess(folders, ports)] : [];
  const shared = { folders, settings, ports, regions, databaseUrl, env: passedOn(env, settings, ports) };
  const parts = await Promise.all(regions.map((region) => planRegion(region, shared)));
  const servers = [...parts.flatMap((part) => part.servers), ...(postgres ? [postgres.spec] : []), ...traces];
  const layers = [servers, parts.flatMap((part) => part.authority), parts.flatMap((part) => part.services)];
  return { layers, ports, databaseUrl, adminUrl: postgres?.adminUrl };
}

const databaseName = 'sluice';

async function ownPostgres(folders: Folders, settings: StackSettings, ports: PortPlan, regions: readonly Region[]) {
  const dataFolder = postgresDataFolder(folders, settings);
  // It is at home, and goes down with it.
  const [home] = regions;
  const place = { host: home?.host, region: regions.length > 1 ? home?.name : undefined };
  const { spec, adminUrl } = await postgresServer({ folders, dataFolder, port: ports.postgres, ...place });
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
