import type { Client, Clock } from '@sluice/mesh';
import { type IngestionServiceService, type LedgerServiceService, LogEventsRequest, Outcome } from '@sluice/proto';
import { v7 as newEventId } from 'uuid';
import type { CanarySet } from './canary-set.js';
import { reasonOf } from './probe.js';
import type { RegionClients } from './region-clients.js';

const timeoutMs = 2_000;
const lookAgainMs = 250;

export interface IngestProbeOptions {
  readonly set: Pick<CanarySet, 'ref' | 'isMade'>;
  /** The own instance, so that two observers don't count each other's events. */
  readonly instance: string;
  /** Where the store is. */
  readonly homeRegion: string;
  readonly ingesters: RegionClients<IngestionServiceService>;
  readonly ledgers: RegionClients<LedgerServiceService>;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** An event that is not counted by then counts as lost, in milliseconds. */
  readonly countedWithinMs: number;
}

/** Logs an event in a region, and looks for it in the store at home. */
export class IngestProbe {
  readonly #options: IngestProbeOptions;
  /** By region, the time of the newest event that was sent or is known. */
  readonly #newestMs = new Map<string, number>();
  #hasSeenStore = false;

  constructor(options: IngestProbeOptions) {
    this.#options = options;
  }

  /** @returns why it is bad; empty when it is good; undefined when it does not count. */
  async look(region: string): Promise<string | undefined> {
    const { set, ingesters, ledgers, homeRegion } = this.#options;
    if (!ingesters.isKnown(region) || !(await set.isMade())) return undefined;
    const ingester = ingesters.at(region);
    if (!ingester) return 'ingest: no ingestion is in Consul';
    // Home is still starting: what is accepted now is counted then.
    if (!this.#hasSeenStore && !ledgers.at(homeRegion)) return undefined;
    this.#hasSeenStore = true;
    const timeMs = this.#nextTime(region);
    const fault = await this.#send(ingester, region, timeMs).catch(reasonOf);
    if (fault !== '') return `ingest: not accepted: ${fault}`;
    return this.#find(region, timeMs);
  }

  /** An event is known by its time, which no other one of its name has. */
  #nextTime(region: string): number {
    const timeMs = Math.max(this.#options.clock.now(), (this.#newestMs.get(region) ?? 0) + 1);
    this.#newestMs.set(region, timeMs);
    return timeMs;
  }

  #nameOf(region: string): string {
    return `canary-${region}-${this.#options.instance}`.slice(0, 128);
  }

  /** @returns why it was not accepted; empty when it was. */
  async #send(ingester: Client<IngestionServiceService>, region: string, timeMs: number): Promise<string> {
    const { set, instance } = this.#options;
    const event = { id: newEventId(), timeMs, name: this.#nameOf(region), user: { userId: instance } };
    // Without the time of sending: the event's time is stored as it is.
    const request = LogEventsRequest.fromPartial({ set: set.ref, events: [event] });
    const { outcomes } = await ingester.logEvents(request, { timeoutMs });
    const [first] = outcomes;
    const isLogged = first?.outcome === Outcome.ACCEPTED || first?.outcome === Outcome.DUPLICATE;
    return isLogged ? '' : first?.reason || 'no answer';
  }

  async #find(region: string, timeMs: number): Promise<string> {
    const { homeRegion, signal, countedWithinMs } = this.#options;
    const deadlineMs = performance.now() + countedWithinMs;
    let fault = '';
    while (performance.now() < deadlineMs && !signal.aborted) {
      const newest = await this.#newestCounted(region).catch(reasonOf);
      if (typeof newest === 'number' && newest >= timeMs) {
        this.#newestMs.set(region, newest);
        return '';
      }
      fault = typeof newest === 'string' ? `; the store at ${homeRegion} can't be asked (${newest})` : '';
      await new Promise((resolve) => setTimeout(resolve, lookAgainMs));
    }
    return `ingest: accepted, but not counted within ${countedWithinMs / 1_000} s${fault}`;
  }

  /** The time of the newest event in the store, or why that can't be told. */
  async #newestCounted(region: string): Promise<number | string> {
    const { ledgers, homeRegion, set } = this.#options;
    const ledger = ledgers.at(homeRegion);
    if (!ledger) return 'no ingestion is in Consul there';
    return (await ledger.getEvents({ set: set.ref, name: this.#nameOf(region) }, { timeoutMs })).lastAtMs;
  }
}
