import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Folders } from './paths.js';
import type { ProcessSpec } from './process-spec.js';
import { findNatsServer } from './server-binaries.js';

export interface NatsOptions {
  readonly folders: Folders;
  readonly region: string;
  readonly ports: { readonly client: number; readonly monitor: number };
}

/** One nats-server on loopback, JetStream on file. Writes its configuration. */
export async function natsServer({ folders, region, ports }: NatsOptions): Promise<ProcessSpec> {
  const binary = await findNatsServer();
  const config = configuration(folders, region, ports);
  const file = join(folders.etc, 'nats.conf');
  await mkdir(folders.etc, { recursive: true });
  await writeFile(file, config);
  return {
    name: 'nats',
    service: 'nats',
    command: binary.path,
    args: ['--config', file],
    env: {},
    address: `127.0.0.1:${ports.client}`,
    ports: Object.values(ports),
    check: { kind: 'nats', address: `127.0.0.1:${ports.monitor}` },
    stopSignal: 'SIGTERM',
    fingerprint: config,
  };
}

function configuration(folders: Folders, region: string, ports: NatsOptions['ports']): string {
  return `server_name: ${JSON.stringify(`sluice-${region}`)}
listen: "127.0.0.1:${ports.client}"
http: "127.0.0.1:${ports.monitor}"
max_payload: 8MB
jetstream {
  store_dir: ${JSON.stringify(join(folders.data, 'nats'))}
  # An acknowledged message is on stable storage: the default loses minutes when power does.
  sync_interval: always
}
`;
}
