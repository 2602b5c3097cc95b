import { lookup } from 'node:dns/promises';
import { jitter } from './backoff.js';

export interface HostPlace {
  readonly host: string;
  readonly port: number;
}

/** Every address of a name. */
export type Lookup = (host: string) => Promise<readonly string[]>;

export interface HostsOptions {
  /** Names and their ports, in tiers. */
  readonly tiers: readonly (readonly HostPlace[])[];
  readonly lookUp?: Lookup;
  /** How often names are looked up, in milliseconds. */
  readonly everyMs?: number;
  /** Told of the addresses at first, and whenever they are others; what could not be looked up keeps its last ones. */
  readonly onChange: (tiers: readonly (readonly HostPlace[])[]) => void;
  /** Told when no name has any address. */
  readonly onError: (reason: string) => void;
}

export interface HostsWatch {
  /** Something has changed, as it seems: looks sooner. */
  hurry(): void;
  release(): void;
}

/** As long as the cluster's DNS remembers an answer. */
const everyMsPreset = 5_000;
const hurriedMs = 500;

const systemLookup: Lookup = async (host) => (await lookup(host, { all: true })).map(({ address }) => address);

/** Follows the addresses of names. Nobody says when DNS has a new answer, so it is asked again and again. */
export function watchHosts(options: HostsOptions): HostsWatch {
  const { tiers, lookUp = systemLookup, everyMs = everyMsPreset, onChange, onError } = options;
  const known = new Map<string, readonly string[]>();
  let told = '';
  let isReleased = false;
  let isHurried = false;
  let timer: NodeJS.Timeout | undefined;

  /** @returns why the name has no addresses. */
  const learn = async (host: string): Promise<string | undefined> => {
    try {
      const addresses = await lookUp(host);
      if (addresses.length > 0) known.set(host, addresses.toSorted());
      return undefined;
    } catch (error) {
      return error instanceof Error ? error.message : String(error);
    }
  };
  const tell = (problems: readonly (string | undefined)[]): void => {
    const found = tiers.map((places) =>
      places.flatMap(({ host, port }) => (known.get(host) ?? []).map((address) => ({ host: address, port }))),
    );
    const text = JSON.stringify(found);
    if (found.flat().length === 0) onError(problems.find(Boolean) ?? 'no name has an address');
    else if (text !== told) {
      told = text;
      onChange(found);
    }
  };
  const round = async (): Promise<void> => {
    timer = undefined;
    const hosts = [...new Set(tiers.flat().map(({ host }) => host))];
    const problems = await Promise.all(hosts.map(learn));
    if (isReleased) return;
    tell(problems);
    const isSoon = isHurried || told === '';
    isHurried = false;
    timer = setTimeout(round, jitter(isSoon ? Math.min(hurriedMs, everyMs) : everyMs)).unref();
  };
  void round();
  return {
    hurry: () => {
      if (isHurried || told === '') return;
      isHurried = true;
      if (timer === undefined) return;
      clearTimeout(timer);
      timer = setTimeout(round, jitter(Math.min(hurriedMs, everyMs))).unref();
    },
    release: () => {
      isReleased = true;
      clearTimeout(timer);
    },
  };
}
