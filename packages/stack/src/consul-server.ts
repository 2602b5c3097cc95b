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
  /** Loopback unless said. */
  readonly host?: string | undefined;
  /** `host:port` of the gossip of other datacenters. */
  readonly others?: readonly string[] | undefined;
  /** Before the names of the process and its files. */
  readonly prefix?: string | undefined;
  readonly ports: {
    readonly http: number;
    readonly rpc: number;
    readonly serfLan: number;
    readonly serfWan: number;
  };
}

/** One Consul server on loopback, alone in its datacenter. Writes its configuration. */
export async function consulServer(options: ConsulOptions): Promise<ProcessSpec> {
  const { folders, ports, region, host = '127.0.0.1', prefix = '' } = options;
  const binary = await findConsul();
  const config = JSON.stringify(configuration(options, host, binary.version), null, 2);
  const file = join(folders.etc, `${prefix}consul.json`);
  await mkdir(folders.etc, { recursive: true });
  await writeFile(file, config);
  return {
    name: `${prefix}consul`,
    region,
    service: 'consul',
    command: binary.path,
    args: ['agent', `-config-file=${file}`],
    env: {},
    address: `${host}:${ports.http}`,
    ports: Object.values(ports),
    check: { kind: 'consul', address: `${host}:${ports.http}` },
    stopSignal: 'SIGTERM',
    fingerprint: config,
  };
}

function configuration(
  { folders, region, ports, others = [], prefix = '' }: ConsulOptions,
  host: string,
  version: string,
): object {
  return {
    server: true,
    bootstrap_expect: 1,
    datacenter: region,
    node_name: `sluice-${region}`,
    data_dir: join(folders.data, `${prefix}consul`),
    bind_addr: host,
    client_addr: host,
    advertise_addr: host,
    advertise_addr_wan: host,
    ...(others.length > 0 ? { retry_join_wan: others, retry_interval_wan: '2s' } : {}),
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
    // Everything on this machine comes from one address; the default of 200 is for one of many.
    limits: { http_max_conns_per_client: 4_000 },
    disable_update_check: true,
    // A lone server that leaves on a signal would come back without its peers.
    leave_on_terminate: false,
    skip_leave_on_interrupt: true,
    log_level: 'INFO',
  };
}
