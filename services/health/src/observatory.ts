import type { Clock, Logger, Release } from '@sluice/mesh';
import type { Incident, RegionHealth, ServiceHealth, Slo } from '@sluice/proto';
import { doubtOf } from './doubt.js';
import { faultsOf, type Sight } from './faults.js';
import { IncidentBook, type IncidentChange } from './incident-book.js';
import { regionsOf, servicesOf } from './mesh-view.js';
import type { ProbeResults, RegionProbe } from './probe-result.js';
import type { Member } from './roster.js';
import { type SavedBook, SloBook } from './slo-book.js';
import type { StateFile } from './state-file.js';

/** How often the mesh is judged as a whole, in milliseconds. */
const judgeEveryMs = 250;
/** How often the books are written down, in milliseconds: a crash forgets this much. */
const saveEveryMs = 5_000;
/** After a start everything was looked at by then, in milliseconds. */
const settledAfterMs = 15_000;

export interface ObservatoryOptions {
  readonly members: () => readonly Member[];
  readonly results: ProbeResults;
  readonly watchFault: () => string | undefined;
  /** Whether Consul was asked since the start. */
  readonly isWatchAsked: () => boolean;
  readonly seenFrom: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly sloFile: StateFile<SavedBook>;
  readonly incidentFile: StateFile<readonly Incident[]>;
  readonly onChange: (changes: readonly IncidentChange[]) => void;
}

/** The mesh as a whole: what is wrong, since when, how the objectives do. */
export interface View {
  readonly services: readonly ServiceHealth[];
  readonly regions: readonly RegionHealth[];
}

/** Judges the mesh again and again, and keeps the books of incidents and objectives over restarts. */
export class Observatory {
  readonly #options: ObservatoryOptions;
  readonly #waiting = new Set<() => void>();
  #book = new SloBook();
  #incidents = new IncidentBook();
  #view: View = { services: [], regions: [] };
  #fingerprint = '';
  #startedAtMs = 0;
  readonly #timers: NodeJS.Timeout[] = [];

  constructor(options: ObservatoryOptions) {
    this.#options = options;
  }

  get view(): View {
    return this.#view;
  }

  slos(region = ''): Slo[] {
    return this.#book.read(this.#options.clock.now(), region);
  }

  /** Newest first. */
  incidents(): Incident[] {
    return this.#incidents.list();
  }

  async start(): Promise<Release> {
    const { sloFile, incidentFile } = this.#options;
    const [book, incidents] = await Promise.all([sloFile.load(), incidentFile.load()]);
    this.#book = new SloBook(book);
    this.#incidents = new IncidentBook(incidents);
    this.#startedAtMs = this.#options.clock.now();
    this.#judge();
    this.#timers.push(setInterval(() => this.#judge(), judgeEveryMs));
    this.#timers.push(setInterval(() => void sloFile.save(this.#book.save()), saveEveryMs));
    return async () => {
      this.rest();
      await Promise.all([sloFile.save(this.#book.save()), incidentFile.flushed()]);
    };
  }

  /** Judges no more: who is about to stop sees faults that are none. */
  rest(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const wake of this.#waiting) wake();
  }

  count(probe: RegionProbe): void {
    this.#book.count(probe);
  }

  /** Resolves when the mesh looks different, or when the signal says to stop. */
  async changed(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    this.#waiting.add(wake);
    signal.addEventListener('abort', wake, { once: true });
    await promise;
    this.#waiting.delete(wake);
    signal.removeEventListener('abort', wake);
  }

  #judge(): void {
    const { members: read, results, clock, watchFault, isWatchAsked, seenFrom, incidentFile, onChange } = this.#options;
    const nowMs = clock.now();
    const members = read();
    const services = servicesOf(members);
    const before = new Map(this.#view.regions.map((one) => [one.region, one]));
    const regions = regionsOf(services, (region) => results.of(region), before, nowMs);
    results.keep(new Set(regions.map(({ region }) => region)));
    this.#view = { services, regions };
    const slos = this.slos();
    const watch = { watchFault: watchFault(), isWatchAsked: isWatchAsked(), seenFrom };
    const isSettled = nowMs - this.#startedAtMs >= settledAfterMs;
    const sight: Sight = { members, services, regions, slos, ...watch, isSettled, nowMs };
    const changes = this.#incidents.update(faultsOf(sight), nowMs, (incident) => doubtOf(incident, sight));
    if (changes.length > 0) {
      this.#say(changes);
      void incidentFile.save(this.#incidents.list().toReversed());
      onChange(changes);
    }
    this.#tell(members);
  }

  #say(changes: readonly IncidentChange[]): void {
    for (const { incident, what } of changes) {
      const { kind, subject, region, cause } = incident;
      if (what === 'began') this.#options.logger.warn({ kind, subject, region, cause }, 'incident began');
      else this.#options.logger.info({ kind, subject, region }, 'incident ended');
    }
  }

  /** What changes with every look, such as ages, wakes nobody. */
  #tell(members: readonly Member[]): void {
    const { services, regions } = this.#view;
    const fingerprint = JSON.stringify([
      members.map(({ instance, verdict, lastSets }) => [instance, verdict, lastSets.map(({ revision }) => revision)]),
      services,
      regions.map(({ region, state, cause, probes }) => [region, state, cause, probes.map(({ isGood }) => isGood)]),
    ]);
    if (fingerprint === this.#fingerprint) return;
    this.#fingerprint = fingerprint;
    for (const wake of this.#waiting) wake();
  }
}
