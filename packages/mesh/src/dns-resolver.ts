import { type ChannelOptions, experimental, Metadata, status } from '@grpc/grpc-js';
import { homeCountOption } from './region-tiers.js';
import { type HostPlace, type HostsWatch, watchHosts } from './watch-hosts.js';

type Listener = ConstructorParameters<Parameters<typeof experimental.registerResolver>[1]>[1];
type Target = experimental.GrpcUri;

/** Our own, so that other users of grpc-js in the same process keep theirs. */
const ownScheme = 'sluice-dns';
const portPreset = 443;

/** The target that our resolver takes, for one that is written `dns:…`; others stay. */
export function withOwnDns(target: string): string {
  return target.replace(/^dns:/, `${ownScheme}:`);
}

/**
 * `dns:///host:port,host:port`: all addresses of the names. Behind a semicolon follow those of the second
 * tier. What grpc-js has for it looks again only when a connection breaks, half a minute later at
 * best: an instance that was added would get no calls until then.
 */
class DnsResolver implements experimental.Resolver {
  readonly #path: string;
  readonly #listener: Listener;
  #watch: HostsWatch | undefined;

  constructor(target: Target, listener: Listener, _options: ChannelOptions) {
    this.#path = target.path.replace(/^\//, '');
    this.#listener = listener;
  }

  static getDefaultAuthority(target: Target): string {
    return target.path.replace(/^\//, '').split(/[,;]/)[0] ?? '';
  }

  updateResolution(): void {
    if (this.#watch) {
      this.#watch.hurry();
      return;
    }
    const tiers = this.#path.split(';').map((names) => names.split(',').filter(Boolean).map(placeOf));
    this.#watch = watchHosts({
      tiers,
      onChange: (found) => this.#tell(found),
      onError: (reason) => this.#fail(reason),
    });
  }

  destroy(): void {
    this.#watch?.release();
    this.#watch = undefined;
  }

  #tell(tiers: readonly (readonly HostPlace[])[]): void {
    const endpoints = tiers.flat().map((address) => ({ addresses: [address] }));
    const attributes = { [homeCountOption]: tiers[0]?.length ?? 0 };
    this.#listener(experimental.statusOrFromValue(endpoints), attributes, null, '');
  }

  #fail(reason: string): void {
    const details = `${this.#path} can't be found: ${reason}`;
    const error = { code: status.UNAVAILABLE, details, metadata: new Metadata() };
    this.#listener(experimental.statusOrFromError(error), {}, null, '');
  }
}

function placeOf(text: string): HostPlace {
  const place = experimental.splitHostPort(text);
  return { host: place?.host ?? text, port: place?.port ?? portPreset };
}

export function registerDns(): void {
  experimental.registerResolver(ownScheme, DnsResolver);
}
