import { userFromJson } from '@sluice/codec';
import { type Clock, createClient, type Logger, type Release, SluiceError } from '@sluice/mesh';
import {
  EvaluateRequest,
  EvaluationServiceService,
  HealthState,
  IngestionServiceService,
  Kind,
  LedgerServiceService,
  LogEventsRequest,
  Outcome,
  ProbeKind,
  type SetRef,
} from '@sluice/proto';
import { v7 as newEventId } from 'uuid';
import type { CanarySet } from './canary-set.js';
import { canaryGate } from './canary-set.js';
import { probeNames } from './faults.js';
import type { Lateness } from './lateness.js';
import { evaluateEveryMs, ingestEveryMs } from './objectives.js';
import { reasonOf } from './probe.js';
import type { ProbeResults, RegionProbe, Seen } from './probe-result.js';
import type { Member } from './roster.js';
import { StaticPool } from './static-pool.js';

const evaluateTimeoutMs = 900;
const ingestTimeoutMs = 2_000;
/** An event that is not counted by then counts as lost, for the objective. */
const countedWithinMs = 10_000;
const lookAgainMs = 250;
/** A canary set that was just made has come to evaluators by then. */
const arrivesWithinMs = 10_000;
const revisionEveryMs = 1_000;

export interface CanariesOptions {
  readonly meshKey: string;
  /** The own instance, so that two observers don't count each other's events. */
  readonly instance: string;
  /** Where the store is. */
  readonly homeRegion: string;
  readonly members: () => readonly Member[];
  readonly set: CanarySet;
  readonly lateness: (region: string) => Lateness;
  readonly results: ProbeResults;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onResult: (probe: RegionProbe) => void;
}

/**
 * Does in every region, again and again, what callers do: evaluates a gate whose answer is known,
 * logs an event and looks for it in the store, and asks whether the newest revisions got there. A
 * region's service is probed from its first instance on, so that a mesh that starts is not called ill.
 */
export class Canaries {
  readonly #options: CanariesOptions;
  readonly #evaluators: StaticPool<EvaluationServiceService>;
  readonly #ingesters: StaticPool<IngestionServiceService>;
  readonly #ledgers: StaticPool<LedgerServiceService>;
  readonly #known = new Set<string>();
  /** By region, until when its evaluators may not have the canary set; 0 once one of them had it. */
  readonly #reached = new Map<string, number>();
  readonly #closing = new AbortController();

  constructor(options: CanariesOptions) {
    const { meshKey } = options;
    this.#options = options;
    this.#evaluators = new StaticPool((target) => createClient(EvaluationServiceService, { target, key: meshKey }));
    this.#ingesters = new StaticPool((target) => createClient(IngestionServiceService, { target, key: meshKey }));
    this.#ledgers = new StaticPool((target) => createClient(LedgerServiceService, { target, key: meshKey }));
  }

  start(): Release {
    const discover = setInterval(() => this.#discover(), revisionEveryMs);
    this.#discover();
    return () => {
      this.#closing.abort();
      clearInterval(discover);
      for (const pool of [this.#evaluators, this.#ingesters, this.#ledgers]) pool.close();
    };
  }

  #discover(): void {
    const { members, set } = this.#options;
    for (const { service, region, verdict, lastSets } of members()) {
      if (lastSets.some((held) => isSame(held.set, set.ref))) set.found();
      const key = `${region}/${service}`;
      if (verdict.state !== HealthState.SERVING || this.#known.has(key)) continue;
      this.#known.add(key);
      if (service === 'evaluation') {
        this.#repeat(region, ProbeKind.EVALUATE, evaluateEveryMs, () => this.#evaluate(region));
        this.#repeat(region, ProbeKind.REVISION, revisionEveryMs, () => this.#readRevision(region));
      }
      if (service === 'ingestion') this.#repeat(region, ProbeKind.INGEST, ingestEveryMs, () => this.#ingest(region));
    }
  }

  /** At a steady pace, one at a time. A probe that says nothing, because nothing is to be probed yet, is not counted. */
  #repeat(region: string, kind: ProbeKind, everyMs: number, look: () => Promise<string | undefined>): void {
    const round = async (): Promise<void> => {
      const startedMs = performance.now();
      const cause = await look().catch((error: unknown) => `${probeNames[kind]}: ${reasonOf(error)}`);
      if (this.#closing.signal.aborted) return;
      const elapsedMs = performance.now() - startedMs;
      if (cause !== undefined) this.#report(region, kind, { isGood: cause === '', cause, latencyMs: elapsedMs });
      setTimeout(() => void round(), Math.max(everyMs - elapsedMs, 0)).unref();
    };
    void round();
  }

  #report(region: string, kind: ProbeKind, seen: Omit<Seen, 'atMs'>): void {
    const { results, clock, onResult } = this.#options;
    onResult(results.put(region, kind, { ...seen, atMs: clock.now() }));
  }

  #addressesOf(service: string, region: string): string[] {
    return this.#options
      .members()
      .filter((one) => one.service === service && one.region === region && one.isListed)
      .map(({ address }) => address);
  }

  /** @returns why it is bad; empty when it is good; undefined when it does not count. */
  async #evaluate(region: string): Promise<string | undefined> {
    const { set } = this.#options;
    if (!(await set.isMade())) return undefined;
    const client = this.#evaluators.at(region, this.#addressesOf('evaluation', region));
    if (!client) return 'evaluate: no evaluator is in Consul';
    const request = canaryRequest(set.ref);
    try {
      const { decisions } = await client.evaluate(request, { timeoutMs: evaluateTimeoutMs });
      const [decision] = decisions;
      this.#reached.set(region, 0);
      return decision?.gateValue === true ? '' : `evaluate: the canary gate answers ${decision?.detail || 'false'}`;
    } catch (error) {
      if (error instanceof SluiceError && error.kind === 'not_found' && this.#isOnItsWay(region)) return undefined;
      throw error;
    }
  }

  /** The canary set was made a moment ago: evaluators may not have heard of it. */
  #isOnItsWay(region: string): boolean {
    const nowMs = this.#options.clock.now();
    const untilMs = this.#reached.get(region) ?? nowMs + arrivesWithinMs;
    this.#reached.set(region, untilMs);
    return nowMs < untilMs;
  }

  async #ingest(region: string): Promise<string | undefined> {
    const { set, homeRegion, instance, clock } = this.#options;
    if (!(await set.isMade())) return undefined;
    const addresses = this.#addressesOf('ingestion', region);
    const client = this.#ingesters.at(region, addresses);
    const ledger = this.#ledgers.at(homeRegion, this.#addressesOf('ingestion', homeRegion));
    if (!client || !ledger) return addresses.length === 0 ? 'ingest: no ingestion is in Consul' : undefined;
    const name = `canary-${region}-${instance}`.slice(0, 128);
    const count = async (): Promise<number> =>
      (await ledger.getEvents({ set: set.ref, name }, { timeoutMs: ingestTimeoutMs })).count;
    const before = await count();
    const id = newEventId();
    const event = { id, timeMs: clock.now(), name, user: { userId: instance } };
    const request = LogEventsRequest.fromPartial({ set: set.ref, events: [event], sentAtMs: clock.now() });
    const { outcomes } = await client.logEvents(request, { timeoutMs: ingestTimeoutMs });
    if (outcomes[0]?.outcome !== Outcome.ACCEPTED) return `ingest: not accepted: ${outcomes[0]?.reason ?? 'no answer'}`;
    const deadlineMs = performance.now() + countedWithinMs;
    while (performance.now() < deadlineMs && !this.#closing.signal.aborted) {
      if ((await count()) > before) return '';
      await new Promise((resolve) => setTimeout(resolve, lookAgainMs));
    }
    return `ingest: accepted, but not counted within ${countedWithinMs / 1_000} s`;
  }

  async #readRevision(region: string): Promise<string | undefined> {
    const { fault } = this.#options.lateness(region);
    return fault === undefined ? '' : `revision: ${fault}`;
  }
}

const isSame = (one: SetRef | undefined, other: SetRef): boolean =>
  one?.project === other.project && one.environment === other.environment;

function canaryRequest(set: SetRef): EvaluateRequest {
  return EvaluateRequest.create({
    set,
    keys: [{ kind: Kind.GATE, name: canaryGate }],
    user: userFromJson({ userID: 'canary' }),
    isExposureDisabled: true,
  });
}
