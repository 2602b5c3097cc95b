import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { newSecret } from '@sluice/mesh';
import {
  freePorts,
  keepSecret,
  meshKeyName,
  rootKeyName,
  type ServiceKind,
  type Surroundings,
  secretPath,
  serviceProcess,
  sluiceCommand,
} from '@sluice/stack';
import { createDatabase, type Servers, startServers } from './servers.js';
import { TestProcess } from './test-process.js';

export interface MeshOptions {
  /** Instances of evaluation; 1 unless said. */
  readonly evaluators?: number;
  /** Replicas of config; 1 unless said. */
  readonly configs?: number;
  /** Instances of ingestion; 1 unless said. */
  readonly ingestions?: number;
  /** Puts something between the services and NATS. @returns the address that they shall use. */
  readonly inFrontOfNats?: (natsUrl: string) => Promise<string>;
  /** The services to start; all four unless said. */
  readonly services?: readonly ServiceKind[];
  /** Added to the environment of every service. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A whole mesh of real processes on free ports, with throw-away data. */
export interface TestMesh {
  readonly servers: Servers;
  readonly region: string;
  readonly consulAddr: string;
  readonly natsUrl: string;
  readonly databaseUrl: string;
  /** The secret that services show each other. */
  readonly meshKey: string;
  /** A console key for everything. */
  readonly rootKey: string;
  /** What the `sluice` command needs to find this mesh. */
  readonly contextFile: string;
  /** A server or service by name, such as `nats` or `evaluation-2`. @throws Error when there is none. */
  process(name: string): TestProcess;
  /** Runs the public command line against this mesh. */
  sluice(...args: string[]): Promise<CommandResult>;
  stop(): Promise<void>;
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Starts servers and services in dependency order, each awaited by its real health check. */
export async function startMesh(options: MeshOptions = {}): Promise<TestMesh> {
  const servers = await startServers({ consul: true, nats: true, postgres: true });
  const processes = new Map<string, TestProcess>();
  for (const server of [servers.consul, servers.nats, servers.postgres]) {
    if (server) processes.set(server.name, server);
  }
  const stopServices = async (): Promise<void> => {
    const services = [...processes.values()].filter(({ spec }) => spec.check.kind === 'grpc');
    await Promise.all(services.map((service) => service.stop()));
  };
  const stop = async (): Promise<void> => {
    await stopServices();
    await servers.stop();
  };
  try {
    const { folders } = servers;
    const meshKey = await keepSecret(folders, meshKeyName, () => randomBytes(32).toString('base64url'));
    const rootKey = await keepSecret(folders, rootKeyName, () => newSecret('console'));
    const surroundings = await surroundingsOf(servers, options);
    for (const group of groupsOf(options)) {
      const started = await Promise.all(group.map((one) => startService(surroundings, one)));
      for (const service of started) processes.set(service.name, service);
    }
    const contextFile = await writeContext(servers);
    return {
      servers,
      region: servers.region,
      consulAddr: servers.consulAddr,
      natsUrl: servers.natsUrl,
      databaseUrl: surroundings.databaseUrl,
      meshKey,
      rootKey,
      contextFile,
      process: (name) => {
        const found = processes.get(name);
        if (found) return found;
        throw new Error(`The mesh has no process ${name}; it has ${[...processes.keys()].join(', ')}.`);
      },
      sluice: (...args) => runSluice(args, contextFile),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Gives `use` a mesh of its own, and removes it afterwards. */
export async function withMesh<T>(use: (mesh: TestMesh) => Promise<T>, options: MeshOptions = {}): Promise<T> {
  const mesh = await startMesh(options);
  try {
    return await use(mesh);
  } finally {
    await mesh.stop();
  }
}

async function surroundingsOf(servers: Servers, { env, inFrontOfNats }: MeshOptions): Promise<Surroundings> {
  return {
    folders: servers.folders,
    region: servers.region,
    consulAddr: servers.consulAddr,
    natsUrl: inFrontOfNats ? await inFrontOfNats(servers.natsUrl) : servers.natsUrl,
    databaseUrl: await createDatabase(servers, 'sluice'),
    // Tests that don't ask for synthetic probes find no set that they did not make.
    env: { LOG_LEVEL: 'info', HEALTH_CANARY_SET: 'off', ...env },
  };
}

interface Wanted {
  readonly service: ServiceKind;
  readonly instance: string;
}

/** Config comes first: what evaluators hold at their start comes from it. */
function groupsOf({ evaluators = 1, configs = 1, ingestions = 1, services }: MeshOptions): Wanted[][] {
  const all: Wanted[] = [
    ...Array.from({ length: evaluators }, (_, i) => ({
      service: 'evaluation' as const,
      instance: `evaluation-${i + 1}`,
    })),
    ...Array.from({ length: ingestions }, (_, i) => ({
      service: 'ingestion' as const,
      instance: `ingestion-${i + 1}`,
    })),
    { service: 'health', instance: 'health-1' },
  ];
  const config: Wanted[] = Array.from({ length: configs }, (_, i) => ({
    service: 'config',
    instance: `config-${i + 1}`,
  }));
  const isWanted = ({ service }: Wanted) => services?.includes(service) ?? true;
  return [config.filter(isWanted), all.filter(isWanted)];
}

async function startService(surroundings: Surroundings, { service, instance }: Wanted): Promise<TestProcess> {
  const [port = 0] = await freePorts(1);
  const spec = await serviceProcess(surroundings, service, instance, port);
  const started = new TestProcess(spec, surroundings.folders.logs);
  await started.start();
  return started;
}

/** What the `sluice` command needs to find a mesh. */
export async function writeContext({
  folders,
  region,
  consulAddr,
}: Pick<Servers, 'folders' | 'region' | 'consulAddr'>): Promise<string> {
  const file = join(folders.root, 'context.json');
  const context = {
    name: 'test',
    consul: consulAddr,
    region,
    keyFile: secretPath(folders, rootKeyName),
    project: 'storefront',
    environment: 'development',
  };
  await writeFile(file, JSON.stringify(context, null, 2));
  return file;
}

const commandTimeoutMs = 30_000;

export function runSluice(args: readonly string[], contextFile: string): Promise<CommandResult> {
  return new Promise((resolve) => {
    const env = { ...process.env, SLUICE_CONTEXT: contextFile };
    const options = { timeout: commandTimeoutMs, maxBuffer: 16 * 1024 * 1024, env };
    execFile(process.execPath, [sluiceCommand, ...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      resolve({ code, stdout, stderr });
    });
  });
}
