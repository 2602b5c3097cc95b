import { jitter } from './backoff.js';
import { type Instance, listDatacenters, watchService } from './consul.js';
import type { Release } from './scope.js';

/** The passing instances of a service: those of Consul's own datacenter, and those of all others. */
export interface Everywhere {
  readonly home: readonly Instance[];
  readonly away: readonly Instance[];
}

/** What is known so far. */
export interface Sighting extends Everywhere {
  /** The datacenters that have answered. Of the others nothing is known, rather than that nobody is there. */
  readonly heard: ReadonlySet<string>;
}

export interface RegionsOptions {
  readonly consulAddr: string;
  readonly service: string;
  /** Also report instances that fail their checks. */
  readonly isAllWanted?: boolean;
  /** Told when Consul can't be asked, or not for another datacenter, which is named; what it said last stands meanwhile. */
  readonly onError: (reason: string, datacenter?: string) => void;
}

/** How often new datacenters are looked for. */
const lookAgainMs = 10_000;
const retryMs = 1_000;

/**
 * Follows the instances of a service in every datacenter. The first answer waits for the own
 * datacenter only; one that can't be reached any more keeps the instances that it had.
 */
export function watchRegions(options: RegionsOptions, onChange: (sighting: Sighting) => void): Release {
  let home: readonly Instance[] | undefined;
  let own: string | undefined;
  /** By datacenter; undefined before its first answer. */
  const away = new Map<string, readonly Instance[] | undefined>();
  const releases: Release[] = [];
  const tell = (): void => {
    if (home === undefined) return;
    const answered = [...away].filter((entry): entry is [string, Instance[]] => entry[1] !== undefined);
    const heard = new Set([...(own === undefined ? [] : [own]), ...answered.map(([datacenter]) => datacenter)]);
    onChange({ home, away: answered.flatMap(([, instances]) => instances), heard });
  };
  releases.push(
    watchService(options, (instances) => {
      home = instances;
      tell();
    }),
  );
  const follow = (datacenter: string): void => {
    if (away.has(datacenter)) return;
    away.set(datacenter, undefined);
    const onError = (reason: string): void => options.onError(reason, datacenter);
    const onInstances = (instances: readonly Instance[]): void => {
      away.set(datacenter, instances);
      tell();
    };
    releases.push(watchService({ ...options, datacenter, onError }, onInstances));
  };
  releases.push(
    repeat(
      () => listDatacenters(options.consulAddr),
      ([self, ...others]) => {
        own = self;
        others.forEach(follow);
      },
    ),
  );
  return async () => {
    await Promise.all(releases.map((release) => release()));
  };
}

/** Asks now and then, sooner after a failure. */
function repeat<Answer>(ask: () => Promise<Answer>, onAnswer: (answer: Answer) => void): Release {
  let timer: NodeJS.Timeout | undefined;
  let isReleased = false;
  const round = async (): Promise<void> => {
    const answer = await ask().catch(() => undefined);
    if (isReleased) return;
    if (answer !== undefined) onAnswer(answer);
    timer = setTimeout(round, jitter(answer === undefined ? retryMs : lookAgainMs)).unref();
  };
  void round();
  return () => {
    isReleased = true;
    clearTimeout(timer);
  };
}
