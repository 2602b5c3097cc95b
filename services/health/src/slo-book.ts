import type { Slo } from '@sluice/proto';
import { budgetLeft, burnRates, filledUp } from './burn-rate.js';
import { budgetWindowMs, type Objective, objectives } from './objectives.js';
import type { RegionProbe } from './probe-result.js';
import { type SavedCounts, SloCounts, type Tally } from './slo-counts.js';

/** What is kept on disk: counts by region and objective, as in `eu/availability`. */
export type SavedBook = Readonly<Record<string, SavedCounts>>;

/** Regions that are counted at most. */
const regionsMax = 100;

/** The books of all objectives of all regions. */
export class SloBook {
  readonly #counts = new Map<string, SloCounts>();

  constructor(saved: SavedBook = {}) {
    for (const [key, counts] of Object.entries(saved)) this.#counts.set(key, new SloCounts(counts));
  }

  /** Counts a probe for every objective that it speaks of. */
  count({ region, result }: RegionProbe): void {
    for (const objective of objectives) {
      if (objective.probe !== result.kind) continue;
      const isGood = result.isGood && result.latencyMs <= objective.withinMs;
      // A probe that takes long is in the place of those that would have begun meanwhile.
      const times = Math.max(result.latencyMs / objective.everyMs, 1);
      this.#countsOf(region, objective)?.add(result.atMs, isGood, times);
    }
  }

  #countsOf(region: string, { name }: Objective): SloCounts | undefined {
    const key = `${region}/${name}`;
    const known = this.#counts.get(key);
    if (known || this.#counts.size >= regionsMax * objectives.length) return known;
    const fresh = new SloCounts();
    this.#counts.set(key, fresh);
    return fresh;
  }

  /** Ordered by region, then name. */
  read(nowMs: number, region = ''): Slo[] {
    return [...this.#counts]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([key, counts]) => {
        const [where = '', name = ''] = key.split('/');
        const objective = objectives.find((one) => one.name === name);
        return objective && (region === '' || region === where) ? [sloOf(where, objective, counts, nowMs)] : [];
      });
  }

  save(): SavedBook {
    return Object.fromEntries([...this.#counts].map(([key, counts]) => [key, counts.save()]));
  }
}

function sloOf(region: string, one: Objective, counts: SloCounts, nowMs: number): Slo {
  const { name, description, objective, everyMs } = one;
  const { good, total } = counts.over(budgetWindowMs, nowMs);
  const over = (windowMs: number): Tally => filledUp(counts.over(windowMs, nowMs), everyMs);
  return {
    ...{ region, name, description, objective, good: Math.round(good), total: Math.round(total) },
    windowMs: budgetWindowMs,
    budgetLeft: budgetLeft(over(budgetWindowMs), objective),
    burnRates: burnRates(objective, over),
  };
}
