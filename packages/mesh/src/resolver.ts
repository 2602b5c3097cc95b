import { isIPv6 } from 'node:net';
import { type ChannelOptions, experimental, Metadata, status } from '@grpc/grpc-js';
import { type Instance, watchService } from './consul.js';
import type { Release } from './scope.js';

/** Channel options that the resolver reads. */
export const consulAddrOption = 'sluice.consul_addr';
export const regionOption = 'sluice.region';

type Listener = ConstructorParameters<Parameters<typeof experimental.registerResolver>[1]>[1];
type Target = experimental.GrpcUri;

const patienceMs = 2_000;

/**
 * `consul:///service`: follows the passing instances of a service, those of the own region
 * before all others. What was known last stands while Consul is away, and also when it says
 * that nobody passes: trying a sick instance beats failing without trying.
 */
class ConsulResolver implements experimental.Resolver {
  readonly #service: string;
  readonly #consulAddr: string;
  readonly #region: string;
  readonly #listener: Listener;
  #release: Release | undefined;
  #isResolved = false;
  #patience: NodeJS.Timeout | undefined;

  constructor(target: Target, listener: Listener, options: ChannelOptions) {
    this.#service = target.path.replace(/^\//, '');
    this.#consulAddr = String(options[consulAddrOption] ?? '127.0.0.1:8500');
    this.#region = String(options[regionOption] ?? '');
    this.#listener = listener;
  }

  static getDefaultAuthority(target: Target): string {
    return target.path.replace(/^\//, '');
  }

  updateResolution(): void {
    this.#release ??= watchService(
      {
        consulAddr: this.#consulAddr,
        service: this.#service,
        onError: (reason) => this.#fail(reason),
      },
      (instances) => this.#resolve(instances),
    );
  }

  destroy(): void {
    void this.#release?.();
    this.#release = undefined;
    clearTimeout(this.#patience);
    this.#patience = undefined;
  }

  #resolve(instances: readonly Instance[]): void {
    if (instances.length === 0) {
      this.#fail(`Consul at ${this.#consulAddr} knows no healthy instance of ${this.#service}`);
      return;
    }
    this.#isResolved = true;
    const endpoints = ownRegionFirst(instances, this.#region).map(({ address }) => ({
      addresses: [socketAddress(address)],
    }));
    this.#listener(experimental.statusOrFromValue(endpoints), {}, null, '');
  }

  /** A Consul that is just restarting answers soon: calls wait that long before they fail. */
  #fail(reason: string): void {
    this.#patience ??= setTimeout(() => {
      this.#patience = undefined;
      if (this.#isResolved || !this.#release) return;
      const details = `${this.#service} can't be found: ${reason}`;
      const error = { code: status.UNAVAILABLE, details, metadata: new Metadata() };
      this.#listener(experimental.statusOrFromError(error), {}, null, '');
    }, patienceMs);
  }
}

/** The instances of the own region, or all of them when it has none. */
export function ownRegionFirst(instances: readonly Instance[], region: string): readonly Instance[] {
  const own = instances.filter((instance) => instance.region === region);
  return own.length > 0 ? own : instances;
}

function socketAddress(address: string): { host: string; port: number } {
  const at = address.lastIndexOf(':');
  return { host: address.slice(0, at), port: Number(address.slice(at + 1)) };
}

/** `static:///host:port,host:port`: a fixed list. */
class StaticResolver implements experimental.Resolver {
  readonly #endpoints: { addresses: { host: string; port: number }[] }[];
  readonly #listener: Listener;
  #isTold = false;

  constructor(target: Target, listener: Listener) {
    const list = target.path.replace(/^\//, '').split(',');
    this.#endpoints = list.filter(Boolean).map((address) => ({ addresses: [socketAddress(address)] }));
    this.#listener = listener;
  }

  static getDefaultAuthority(target: Target): string {
    const first = target.path.replace(/^\//, '').split(',')[0] ?? '';
    return isIPv6(first) ? `[${first}]` : first;
  }

  /** Tells once: balancers ask again at each failed connection, and the same answer would start them over without end. */
  updateResolution(): void {
    if (this.#isTold) return;
    this.#isTold = true;
    process.nextTick(() => this.#listener(experimental.statusOrFromValue(this.#endpoints), {}, null, ''));
  }

  destroy(): void {
    this.#isTold = false;
  }
}

let isRegistered = false;

/** Makes the schemes known to grpc-js; harmless when repeated. */
export function registerResolvers(): void {
  if (isRegistered) return;
  isRegistered = true;
  experimental.registerResolver('consul', ConsulResolver);
  experimental.registerResolver('static', StaticResolver);
}
