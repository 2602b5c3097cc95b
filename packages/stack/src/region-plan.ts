import { isRoot } from './account.js';
import { consulServer } from './consul-server.js';
import { type NatsLinks, natsServer } from './nats-server.js';
import type { Folders } from './paths.js';
import type { PortPlan } from './port-plan.js';
import type { ProcessSpec } from './process-spec.js';
import { groupOf } from './region-partition.js';
import { hostOfNode, type Region } from './regions.js';
import { type Surroundings, serviceProcess } from './services.js';
import type { StackSettings } from './settings.js';

/** What all regions of a stack have in common. */
export interface Shared {
  readonly folders: Folders;
  readonly settings: StackSettings;
  readonly ports: PortPlan;
  readonly regions: readonly Region[];
  readonly databaseUrl: string;
  readonly env: Readonly<Record<string, string>>;
}

/** One region's processes; only home has an authority. */
export interface RegionPart {
  readonly servers: readonly ProcessSpec[];
  readonly authority: readonly ProcessSpec[];
  readonly services: readonly ProcessSpec[];
}

/** Plans a region: its own Consul and NATS, evaluators, ingestion and health; at home config as well. */
export async function planRegion(region: Region, shared: Shared): Promise<RegionPart> {
  const { ports } = shared;
  const [consul, nats] = await Promise.all([planConsul(region, shared), planNats(region, shared)]);
  const service = serviceProcess.bind(undefined, surroundingsOf(region, shared, consul, nats));
  const [authority, services] = await Promise.all([
    Promise.all(region.isHome ? [service('config', 'config-1', ports.config, ports.configMetrics)] : []),
    Promise.all([
      service('evaluation', 'evaluation-1', ports.evaluation1, ports.evaluation1Metrics),
      service('evaluation', 'evaluation-2', ports.evaluation2, ports.evaluation2Metrics),
      service('ingestion', 'ingestion-1', ports.ingestion, ports.ingestionMetrics),
      service('health', 'health-1', ports.health, ports.healthMetrics),
    ]),
  ]);
  const own = (specs: readonly ProcessSpec[]): ProcessSpec[] => specs.map((spec) => inGroupOf(region, spec, shared));
  return { servers: own([consul, ...nats]), authority: own(authority), services: own(services) };
}

/** See `groupOf`: so that regions can be cut off from each other. */
function inGroupOf({ name }: Region, spec: ProcessSpec, { regions, settings }: Shared): ProcessSpec {
  if (!isRoot() || regions.length === 1) return spec;
  const index = regions.findIndex((region) => region.name === name);
  return { ...spec, account: { name: 'root', uid: 0, gid: groupOf(settings.id, index) } };
}

function surroundingsOf(
  { name, host, prefix }: Region,
  { folders, settings, databaseUrl, env, regions }: Shared,
  consul: ProcessSpec,
  nats: readonly ProcessSpec[],
): Surroundings {
  const home = regions[0]?.name ?? name;
  const several = regions.length > 1 ? { SLUICE_HOME_REGION: home, SLUICE_REGIONS: settings.regions.join() } : {};
  const replicated = settings.natsNodes > 1 ? { NATS_REPLICAS: String(settings.natsNodes) } : {};
  return {
    folders,
    region: name,
    host,
    prefix,
    consulAddr: consul.address,
    natsUrl: nats.map(({ address }) => `nats://${address}`).join(),
    databaseUrl,
    env: { ...several, ...replicated, ...env },
  };
}

function planConsul({ name, host, prefix }: Region, { folders, ports, regions }: Shared): Promise<ProcessSpec> {
  const others = regions.filter((region) => region.name !== name);
  return consulServer({
    folders,
    region: name,
    host,
    prefix,
    others: others.map((region) => `${region.host}:${ports.consulSerfWan}`),
    ports: {
      http: ports.consulHttp,
      rpc: ports.consulRpc,
      serfLan: ports.consulSerfLan,
      serfWan: ports.consulSerfWan,
    },
  });
}

function planNats(region: Region, shared: Shared): Promise<ProcessSpec[]> {
  const { folders, ports, settings } = shared;
  const nodes = Array.from({ length: settings.natsNodes }, (_, index) => index);
  return Promise.all(
    nodes.map((index) =>
      natsServer({
        folders,
        region: region.name,
        host: hostOfNode(region, index),
        prefix: region.prefix,
        ports: { client: ports.nats, monitor: ports.natsMonitor },
        links: linksOf(region, index, nodes, shared),
      }),
    ),
  );
}

/** A lone server of a lone region has none. */
function linksOf(
  region: Region,
  index: number,
  nodes: readonly number[],
  { regions, ports }: Shared,
): NatsLinks | undefined {
  if (regions.length === 1 && nodes.length === 1) return undefined;
  const home = regions[0] ?? region;
  return {
    node: index + 1,
    routes: nodes.map((node) => `${hostOfNode(region, node)}:${ports.natsCluster}`),
    clusterPort: ports.natsCluster,
    leafPort: region.isHome ? ports.natsLeaf : undefined,
    homeLeafs: nodes.map((node) => `${hostOfNode(home, node)}:${ports.natsLeaf}`),
  };
}
