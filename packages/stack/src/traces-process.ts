import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { execute } from './execute.js';
import { makeFolderWhole } from './files.js';
import { cacheFolder, type Folders } from './paths.js';
import type { PortPlan } from './port-plan.js';
import { StackProblem } from './problem.js';
import type { ProcessSpec } from './process-spec.js';

/** A development convenience with its own folder, and no dependency of ours. */
const tool = { name: 'autotel-devtools', version: '27.1.0' } as const;
const installTimeoutMs = 300_000;

export const tracesName = 'traces';

/**
 * An OTLP receiver with a web page, for development. Installs it on first use.
 * @throws StackProblem when npm can't install it.
 */
export async function tracesProcess(folders: Folders, ports: PortPlan): Promise<ProcessSpec> {
  const command = await install();
  const address = `127.0.0.1:${ports.traces}`;
  const options = ['--host', '127.0.0.1', '--port', `${ports.traces}`, '--grpc-port', `${ports.tracesGrpc}`];
  await mkdir(folders.data, { recursive: true });
  return {
    name: tracesName,
    service: tracesName,
    command: process.execPath,
    args: [command, ...options, '--title', 'Sluice'],
    env: {},
    address,
    ports: [ports.traces, ports.tracesGrpc],
    check: { kind: 'http', url: `http://${address}/healthz` },
    stopSignal: 'SIGTERM',
    fingerprint: tool.version,
  };
}

async function install(): Promise<string> {
  const folder = join(cacheFolder(), `${tool.name}-${tool.version}`);
  const command = join(folder, 'node_modules', tool.name, 'dist/cli.js');
  if (existsSync(command)) return command;
  try {
    await makeFolderWhole(folder, async (target) => {
      await mkdir(target);
      const options = ['--prefix', target, '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
      await execute('npm', ['install', ...options, `${tool.name}@${tool.version}`], { timeout: installTimeoutMs });
    });
    return command;
  } catch (error) {
    throw new StackProblem(
      `${tool.name} ${tool.version} could not be installed from npm, so there is no page for traces.\n${(error as Error).message}`,
    );
  }
}
