import { type Client, type Clock, createClient, type Release } from '@sluice/mesh';
import {
  EvaluationServiceService,
  IngestionServiceService,
  LedgerServiceService,
  ProbeKind,
  type RulesetServiceService,
  type SetRef,
} from '@sluice/proto';
import type { CanarySet } from './canary-set.js';
import { EvaluateProbe } from './evaluate-probe.js';
import { probeNames } from './faults.js';
import { IngestProbe } from './ingest-probe.js';
import { countedWithinMs, evaluateEveryMs, ingestEveryMs } from './objectives.js';
import { reasonOf } from './probe.js';
import type { ProbeResults, RegionProbe, Seen } from './probe-result.js';
import { RegionClients } from './region-clients.js';
import { RevisionProbe } from './revision-probe.js';
import type { Member } from './roster.js';

const discoverEveryMs = 1_000;
const revisionEveryMs = 2_000;

export interface CanariesOptions {
  readonly meshKey: string;
  /** The own instance, so that two observers don't count each other's events. */
  readonly instance: string;
  /** Where the store is. */
  readonly homeRegion: string;
  readonly members: () => readonly Member[];
  readonly set: Pick<CanarySet, 'ref' | 'isMade' | 'found'>;
  readonly config: Pick<Client<RulesetServiceService>, 'listSets'>;
  readonly results: ProbeResults;
  readonly clock: Clock;
  readonly onResult: (probe: RegionProbe) => void;
}

/** One kind of probe, to be repeated. */
interface Round {
  readonly kind: ProbeKind;
  readonly everyMs: number;
  readonly look: (region: string) => Promise<string | undefined>;
}

/**
 * Does in every region, again and again, what callers do: evaluates a gate whose answer is known,
 * logs an event and looks for it in the store, and reads the newest revision. A region's service is
 * probed from its first instance that serves on, so that a mesh that starts is not called ill.
 */
export class Canaries {
  readonly #options: CanariesOptions;
  /** By service. */
  readonly #rounds: ReadonlyMap<string, readonly Round[]>;
  readonly #pools: readonly { close(): void }[];
  readonly #known = new Set<string>();
  readonly #closing = new AbortController();

  constructor(options: CanariesOptions) {
    this.#options = options;
    const { meshKey: key, members, set, clock, config, instance, homeRegion } = options;
    const evaluators = new RegionClients('evaluation', members, (target) =>
      createClient(EvaluationServiceService, { target, key }),
    );
    const ingesters = new RegionClients('ingestion', members, (target) =>
      createClient(IngestionServiceService, { target, key }),
    );
    const ledgers = new RegionClients('ingestion', members, (target) =>
      createClient(LedgerServiceService, { target, key }),
    );
    this.#pools = [evaluators, ingesters, ledgers];
    const evaluate = new EvaluateProbe({ set, evaluators, clock });
    const hasReached = (region: string): boolean => evaluate.hasReached(region);
    const revision = new RevisionProbe({ set, config, evaluators, hasReached, members, clock });
    const { signal } = this.#closing;
    const where = { set, instance, homeRegion, ingesters, ledgers };
    const ingest = new IngestProbe({ ...where, clock, signal, countedWithinMs });
    this.#rounds = new Map([
      [
        'evaluation',
        [
          { kind: ProbeKind.EVALUATE, everyMs: evaluateEveryMs, look: (region) => evaluate.look(region) },
          { kind: ProbeKind.REVISION, everyMs: revisionEveryMs, look: (region) => revision.look(region) },
        ],
      ],
      ['ingestion', [{ kind: ProbeKind.INGEST, everyMs: ingestEveryMs, look: (region) => ingest.look(region) }]],
    ]);
  }

  start(): Release {
    const discover = setInterval(() => this.#discover(), discoverEveryMs);
    this.#discover();
    return () => {
      this.#closing.abort();
      clearInterval(discover);
      for (const pool of this.#pools) pool.close();
    };
  }

  #discover(): void {
    const { members, set } = this.#options;
    for (const { service, region, hasServed, lastSets } of members()) {
      if (lastSets.some((held) => isSame(held.set, set.ref))) set.found();
      const key = `${region}/${service}`;
      if (!hasServed || this.#known.has(key)) continue;
      this.#known.add(key);
      for (const round of this.#rounds.get(service) ?? []) this.#repeat(region, round);
    }
  }

  /** At a steady pace, one at a time. A probe that says nothing, because nothing is to be probed yet, is not counted. */
  #repeat(region: string, { kind, everyMs, look }: Round): void {
    const round = async (): Promise<void> => {
      const startedMs = performance.now();
      const cause = await look(region).catch((error: unknown) => `${probeNames[kind]}: ${reasonOf(error)}`);
      if (this.#closing.signal.aborted) return;
      const latencyMs = performance.now() - startedMs;
      if (cause !== undefined) this.#report(region, kind, { isGood: cause === '', cause, latencyMs });
      setTimeout(() => void round(), Math.max(everyMs - latencyMs, 0)).unref();
    };
    void round();
  }

  #report(region: string, kind: ProbeKind, seen: Omit<Seen, 'atMs'>): void {
    const { results, clock, onResult } = this.#options;
    onResult(results.put(region, kind, { ...seen, atMs: clock.now() }));
  }
}

const isSame = (one: SetRef | undefined, other: SetRef): boolean =>
  one?.project === other.project && one.environment === other.environment;
