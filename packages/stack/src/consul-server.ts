import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Folders } from './paths.js';
import type { ProcessSpec } from './process-spec.js';
import { findConsul } from './server-binaries.js';
import { isAtLeast } from './versions.js';

export interface ConsulOptions {
  readonly folders: Folders;
  /** Consul's datacenter. */
  readonly region: string;
  readonly ports: {
    readonly http: number;
    readonly rpc: number;
    readonly serfLan: number;
    readonly serfWan: number;
  };
}

/** One Consul server on loopback, alone in its datacenter. Writes its configuration. */
export async function consulServer({ folders, region, ports }: ConsulOptions): Promise<ProcessSpec> {
  const binary = await findConsul();
  const config = JSON.stringify(configuration(folders, region, ports, binary.version), null, 2);
  const file = join(folders.etc, 'consul.json');
  await mkdir(folders.etc, { recursive: true });
  await writeFile(file, config);
  return {
    name: 'consul',
    service: 'consul',
    command: binary.path,
    args: ['agent', `-config-file=${file}`],
    env: {},
    address: `127.0.0.1:${ports.http}`,
    ports: Object.values(ports),
    check: { kind: 'consul', address: `127.0.0.1:${ports.http}` },
    stopSignal: 'SIGTERM',
    fingerprint: config,
  };
}

function configuration(folders: Folders, region: string, ports: ConsulOptions['ports'], version: string): object {
  return {
    server: true,
    bootstrap_expect: 1,
    datacenter: region,
    node_name: `sluice-${region}`,
    data_dir: join(folders.data, 'consul'),
    bind_addr: '127.0.0.1',
    client_addr: '127.0.0.1',
    ports: {
      http: ports.http,
      server: ports.rpc,
      serf_lan: ports.serfLan,
      serf_wan: ports.serfWan,
      dns: -1,
      https: -1,
      grpc: -1,
      ...(isAtLeast(version, '1.14') ? { grpc_tls: -1 } : {}),
    },
    // The shortest timings that Consul has: a leader within a second or two.
    performance: { raft_multiplier: 1 },
    disable_update_check: true,
    // A lone server that leaves on a signal would come back without its peers.
    leave_on_terminate: false,
    skip_leave_on_interrupt: true,
    log_level: 'INFO',
  };
}
