import type { ProbeKind, ProbeResult } from '@sluice/proto';

/** What a synthetic probe saw in a region. */
export interface RegionProbe {
  readonly region: string;
  readonly result: ProbeResult;
}

export interface Seen {
  readonly isGood: boolean;
  readonly cause: string;
  readonly latencyMs: number;
  readonly atMs: number;
}

/** The newest result of each probe in each region. */
export class ProbeResults {
  readonly #results = new Map<string, RegionProbe>();

  /** Only a change between good and bad moves `sinceMs`. */
  put(region: string, kind: ProbeKind, seen: Seen): RegionProbe {
    const key = `${region}/${kind}`;
    const before = this.#results.get(key)?.result;
    const sinceMs = before?.isGood === seen.isGood ? before.sinceMs : seen.atMs;
    const probe = { region, result: { kind, ...seen, sinceMs } };
    this.#results.set(key, probe);
    return probe;
  }

  /** Ordered by kind. */
  of(region: string): ProbeResult[] {
    return this.all()
      .filter((one) => one.region === region)
      .map(({ result }) => result);
  }

  all(): RegionProbe[] {
    return [...this.#results.values()].sort((a, b) => a.result.kind - b.result.kind);
  }

  /** Forgets regions that are no more. */
  keep(regions: ReadonlySet<string>): void {
    for (const [key, { region }] of this.#results) if (!regions.has(region)) this.#results.delete(key);
  }
}
