import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Folders } from './paths.js';
import type { ProcessSpec } from './process-spec.js';
import { findNatsServer } from './server-binaries.js';

export interface NatsOptions {
  readonly folders: Folders;
  readonly region: string;
  readonly ports: { readonly client: number; readonly monitor: number };
  /** Loopback unless said. */
  readonly host?: string | undefined;
  /** Before the names of the process and its files. */
  readonly prefix?: string | undefined;
  /** What ties it to other servers; absent where it is alone. */
  readonly links?: NatsLinks | undefined;
}

/** A server among others of its region, and its region among others. */
export interface NatsLinks {
  /** Number among the servers of the region, from 1; with the `host:port` of all of them, itself included. */
  readonly node: number;
  readonly routes: readonly string[];
  readonly clusterPort: number;
  /** At home: where the leafnodes of other regions connect. */
  readonly leafPort: number | undefined;
  /** Elsewhere: `host:port` of the home region's leafnode listeners. */
  readonly homeLeafs: readonly string[];
}

/** One nats-server on loopback, JetStream on file. Writes its configuration. */
export async function natsServer(options: NatsOptions): Promise<ProcessSpec> {
  const { folders, region, ports, host = '127.0.0.1', links } = options;
  const binary = await findNatsServer();
  const name = nameOf(options);
  const config = configuration(options, host);
  const file = join(folders.etc, `${name}.conf`);
  await mkdir(folders.etc, { recursive: true });
  await writeFile(file, config);
  const linked = links === undefined ? [] : [links.clusterPort, links.leafPort];
  return {
    name,
    service: 'nats',
    region,
    command: binary.path,
    args: ['--config', file],
    env: {},
    address: `${host}:${ports.client}`,
    ports: [...Object.values(ports), ...linked.filter((port) => port !== undefined)],
    check: { kind: 'nats', address: `${host}:${ports.monitor}` },
    stopSignal: 'SIGTERM',
    fingerprint: config,
  };
}

function nameOf({ prefix = '', links }: NatsOptions): string {
  return links !== undefined && links.routes.length > 1 ? `${prefix}nats-${links.node}` : `${prefix}nats`;
}

function configuration(options: NatsOptions, host: string): string {
  const { folders, region, ports, links } = options;
  const name = nameOf(options);
  return `server_name: ${JSON.stringify(`sluice-${region}${links === undefined ? '' : `-${links.node}`}`)}
listen: "${host}:${ports.client}"
http: "${host}:${ports.monitor}"
max_payload: 8MB
jetstream {
  store_dir: ${JSON.stringify(join(folders.data, name))}
  # An acknowledged message is on stable storage: the default loses minutes when power does.
  sync_interval: always
${links === undefined ? '' : `  domain: ${region}\n`}}
${links === undefined ? '' : linkConfiguration(links, region, host)}`;
}

/** One JetStream domain for each region: killing one leaves the other's in order, which one domain for all would not. */
function linkConfiguration(
  { routes, clusterPort, leafPort, homeLeafs }: NatsLinks,
  region: string,
  host: string,
): string {
  const urls = (scheme: string, addresses: readonly string[]): string =>
    addresses.map((address) => JSON.stringify(`${scheme}://${address}`)).join(', ');
  const cluster =
    routes.length > 1
      ? `cluster { name: ${region}, listen: "${host}:${clusterPort}", routes: [${urls('nats-route', routes)}] }\n`
      : '';
  const leafs =
    leafPort === undefined
      ? `leafnodes { reconnect: 1, remotes: [{ urls: [${urls('nats-leaf', homeLeafs)}] }] }\n`
      : `leafnodes { listen: "${host}:${leafPort}" }\n`;
  // A peer that is gone without a word is noticed in seconds rather than minutes.
  return `${cluster}${leafs}ping_interval: "2s"\nping_max: 2\n`;
}
