import { isIPv6 } from 'node:net';
import { type ChannelOptions, experimental, Metadata, status } from '@grpc/grpc-js';
import type { Instance } from './consul.js';
import { registerDns } from './dns-resolver.js';
import { EndpointMemory } from './endpoint-memory.js';
import { homeCountOption, registerRegionTiers } from './region-tiers.js';
import type { Release } from './scope.js';
import { type Everywhere, type Sighting, watchRegions } from './watch-regions.js';

/** Channel options that the resolver reads. */
export const consulAddrOption = 'sluice.consul_addr';
export const regionOption = 'sluice.region';
export const endpointsDirOption = 'sluice.endpoints_dir';

type Listener = ConstructorParameters<Parameters<typeof experimental.registerResolver>[1]>[1];
type Target = experimental.GrpcUri;

const patienceMs = 2_000;
/** A Consul that hangs, rather than refuses, is noticed by a watch only after half a minute. */
const silentAfterMs = 500;

/**
 * `consul:///service`: follows the passing instances of a service in every region; those at home come
 * first, the others are the second tier. What was known last stands while Consul is away, also from
 * before this process began, and also when Consul says that nobody passes: trying a sick instance
 * beats failing without trying.
 */
class ConsulResolver implements experimental.Resolver {
  readonly #service: string;
  readonly #consulAddr: string;
  readonly #region: string;
  readonly #listener: Listener;
  readonly #memory: EndpointMemory | undefined;
  /** What processes before this one knew. */
  readonly #remembered: Everywhere;
  #release: Release | undefined;
  #isResolved = false;
  #silence: NodeJS.Timeout | undefined;
  #patience: NodeJS.Timeout | undefined;

  constructor(target: Target, listener: Listener, options: ChannelOptions) {
    this.#service = target.path.replace(/^\//, '');
    this.#consulAddr = String(options[consulAddrOption] ?? '127.0.0.1:8500');
    this.#region = String(options[regionOption] ?? '');
    this.#listener = listener;
    const directory = options[endpointsDirOption];
    this.#memory = typeof directory === 'string' ? new EndpointMemory(directory, this.#service) : undefined;
    this.#remembered = this.#memory?.read() ?? { home: [], away: [] };
  }

  static getDefaultAuthority(target: Target): string {
    return target.path.replace(/^\//, '');
  }

  updateResolution(): void {
    if (this.#release) return;
    const consulAddr = this.#consulAddr;
    this.#silence = setTimeout(() => this.#fail(`Consul at ${consulAddr} does not answer`), silentAfterMs);
    // Another datacenter that can't be asked takes nothing from what is known of this one.
    const onError = (reason: string, datacenter?: string): void => {
      if (datacenter === undefined) this.#fail(reason);
    };
    this.#release = watchRegions({ consulAddr, service: this.#service, onError }, (sighting) =>
      this.#resolve(sighting),
    );
  }

  destroy(): void {
    void this.#release?.();
    this.#release = undefined;
    clearTimeout(this.#silence);
    clearTimeout(this.#patience);
    this.#patience = undefined;
  }

  #resolve(sighting: Sighting): void {
    clearTimeout(this.#silence);
    if (sighting.home.length + sighting.away.length === 0) {
      this.#fail(`Consul at ${this.#consulAddr} knows no healthy instance of ${this.#service}`);
      return;
    }
    const tiers = inTiers(withRemembered(sighting, this.#remembered.away, this.#region), this.#region);
    this.#memory?.write(tiers);
    this.#tell(tiers);
  }

  #tell({ home, away }: Everywhere): void {
    this.#isResolved = true;
    const endpoints = [...home, ...away].map(({ address }) => ({ addresses: [socketAddress(address)] }));
    this.#listener(experimental.statusOrFromValue(endpoints), { [homeCountOption]: home.length }, null, '');
  }

  /** A Consul that is just restarting answers soon: calls wait that long before they fail. */
  #fail(reason: string): void {
    if (this.#isResolved) return;
    if (this.#remembered.home.length + this.#remembered.away.length > 0) {
      this.#tell(this.#remembered);
      return;
    }
    this.#patience ??= setTimeout(() => {
      this.#patience = undefined;
      if (this.#isResolved || !this.#release) return;
      const details = `${this.#service} can't be found: ${reason}`;
      const error = { code: status.UNAVAILABLE, details, metadata: new Metadata() };
      this.#listener(experimental.statusOrFromError(error), {}, null, '');
    }, patienceMs);
  }
}

/**
 * What was known of regions that have not answered yet stands until they have: the own Consul can
 * be there long before it reaches those of the others, whose instances live meanwhile.
 */
export function withRemembered(
  { home, away, heard }: Sighting,
  remembered: readonly Instance[],
  own: string,
): Everywhere {
  const seen = new Set([own, ...heard, ...[...home, ...away].map(({ region }) => region)]);
  return { home, away: [...away, ...remembered.filter(({ region }) => !seen.has(region))] };
}

/** Home is the own region; whoever has none is at home where the Consul is that they ask. */
export function inTiers({ home, away }: Everywhere, region: string): Everywhere {
  if (region === '') return { home, away };
  const all = [...home, ...away];
  return {
    home: all.filter((instance) => instance.region === region),
    away: all.filter((instance) => instance.region !== region),
  };
}

function socketAddress(address: string): { host: string; port: number } {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at), port: Number(address.slice(at + 1)) };
}

/** `static:///host:port,host:port`: a fixed list. Behind a semicolon follow those of the second tier. */
class StaticResolver implements experimental.Resolver {
  readonly #tiers: readonly experimental.Endpoint[][];
  readonly #listener: Listener;
  #isTold = false;

  constructor(target: Target, listener: Listener) {
    this.#tiers = target.path
      .replace(/^\//, '')
      .split(';')
      .map((list) => list.split(',').filter(Boolean))
      .map((list) => list.map((address) => ({ addresses: [socketAddress(address)] })));
    this.#listener = listener;
  }

  static getDefaultAuthority(target: Target): string {
    const first = target.path.replace(/^\//, '').split(/[,;]/)[0] ?? '';
    return isIPv6(first) ? `[${first}]` : first;
  }

  /** Tells once: balancers ask again at each failed connection, and the same answer would start them over without end. */
  updateResolution(): void {
    if (this.#isTold) return;
    this.#isTold = true;
    const attributes = { [homeCountOption]: this.#tiers[0]?.length ?? 0 };
    process.nextTick(() => this.#listener(experimental.statusOrFromValue(this.#tiers.flat()), attributes, null, ''));
  }

  destroy(): void {
    this.#isTold = false;
  }
}

let isRegistered = false;

/** Makes the schemes and their policy known to grpc-js; harmless when repeated. */
export function registerResolvers(): void {
  if (isRegistered) return;
  isRegistered = true;
  registerRegionTiers();
  experimental.registerResolver('consul', ConsulResolver);
  experimental.registerResolver('static', StaticResolver);
  registerDns();
}
