import { rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import {
  ensureDatabase,
  findFreeBlock,
  foldersIn,
  healAll,
  healRegion,
  hostsOf,
  meshKeyName,
  newSettings,
  partitionRegion,
  planPorts,
  planRegions,
  planStack,
  postgresDataFolder,
  type Region,
  readSecret,
  rootKeyName,
  writeSettings,
} from '@sluice/stack';
import { temporaryFolder } from './guard.js';
import { type CommandResult, runSluice, writeContext } from './mesh.js';
import { TestProcess } from './test-process.js';

export interface RegionsOptions {
  /** Home first; `us` and `eu` unless said. */
  readonly regions?: readonly string[];
  /** Servers of each region's NATS. */
  readonly natsNodes?: 1 | 3;
  /** Added to the environment of every service. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What `make up REGIONS=us,eu` starts, with throw-away data and nobody who brings back what dies. */
export interface RegionsMesh {
  readonly databaseUrl: string;
  readonly meshKey: string;
  /** A console key for everything. */
  readonly rootKey: string;
  readonly contextFile: string;
  /** `host:port` of a region's Consul. */
  consulAddr(region: string): string;
  /** A server or service by name, such as `us-consul` or `eu-evaluation-2`. @throws Error when there is none. */
  process(name: string): TestProcess;
  /** All that goes down with a region. */
  processesOf(region: string): readonly TestProcess[];
  /** Kills a region at once. */
  killRegion(region: string): Promise<void>;
  /** Brings back all of a region that does not run, servers first. */
  startRegion(region: string): Promise<void>;
  /** No packet gets through between a region and the others. @throws StackProblem without root. */
  cut(region: string): Promise<void>;
  heal(region: string): Promise<void>;
  /** Runs the public command line at home. */
  sluice(...args: string[]): Promise<CommandResult>;
  stop(): Promise<void>;
}

const silent = (): void => undefined;

/** Starts regions in the order of their layers, each awaited by its real health check. */
export async function startRegions(options: RegionsOptions = {}): Promise<RegionsMesh> {
  const { path, remove } = await temporaryFolder();
  const folders = foldersIn(path);
  const wanted = { regions: options.regions ?? ['us', 'eu'], natsNodes: options.natsNodes ?? 1 } as const;
  const basePort = await findFreeBlock(hostsOf(planRegions(wanted.regions), wanted.natsNodes));
  const settings = { ...newSettings(basePort), ...wanted };
  await writeSettings(folders.root, settings);
  const plan = await planStack(folders, settings);
  const specs = plan.layers.map((layer) => layer.map((spec) => ({ ...spec, env: { ...spec.env, ...options.env } })));
  const layers = specs.map((layer) => layer.map((spec) => new TestProcess(spec, folders.logs)));
  const processes = layers.flat();
  const regions = planRegions(wanted.regions);
  const ofRegion = (name: string) => processes.filter(({ spec }) => spec.region === regionNamed(regions, name).name);
  const stop = async (): Promise<void> => {
    await healAll(settings.id);
    for (const layer of layers.toReversed()) await Promise.all(layer.map((process) => process.stop()));
    await rm(dirname(postgresDataFolder(folders, settings)), { recursive: true, force: true });
    await remove();
  };
  const consulAddr = (name: string) => `${regionNamed(regions, name).host}:${planPorts(basePort).consulHttp}`;
  try {
    for (const [index, layer] of layers.entries()) {
      await Promise.all(layer.map((process) => process.start()));
      if (index === 0 && plan.adminUrl)
        await ensureDatabase(plan.adminUrl, new URL(plan.databaseUrl).pathname.slice(1));
    }
    const [home] = wanted.regions;
    const contextFile = await writeContext({ folders, region: home ?? '', consulAddr: consulAddr(home ?? '') });
    return {
      databaseUrl: plan.databaseUrl,
      meshKey: readSecret(folders, meshKeyName) ?? '',
      rootKey: readSecret(folders, rootKeyName) ?? '',
      contextFile,
      consulAddr,
      process: (name) => {
        const found = processes.find((process) => process.name === name);
        if (found) return found;
        throw new Error(
          `There is no process ${name}; there are ${processes.map((process) => process.name).join(', ')}.`,
        );
      },
      processesOf: ofRegion,
      killRegion: async (name) => {
        await Promise.all(ofRegion(name).map((process) => process.kill()));
      },
      startRegion: async (name) => {
        for (const layer of layers) {
          await Promise.all(layer.filter(({ spec }) => spec.region === name).map((process) => process.start()));
        }
      },
      cut: (name) => partitionRegion(name, silent, folders),
      heal: (name) => healRegion(name, silent, folders),
      sluice: (...args) => runSluice(args, contextFile),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function regionNamed(regions: readonly Region[], name: string): Region {
  const found = regions.find((region) => region.name === name);
  if (found) return found;
  throw new Error(`There is no region ${name}; there are ${regions.map((region) => region.name).join(', ')}.`);
}
