import type { BurnRate } from '@sluice/proto';
import type { Observed, Tally } from './slo-counts.js';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

interface Pair {
  readonly threshold: number;
  readonly longWindowMs: number;
  readonly shortWindowMs: number;
  readonly severity: 'page' | 'ticket';
}

/**
 * Multi-window, multi-burn-rate alerts as in Google's SRE workbook: at 14.4 times the sustainable
 * rate, 2 % of a month's budget are gone in an hour; the short window ends the alert soon after
 * the fault.
 */
const pairs: readonly Pair[] = [
  { threshold: 14.4, longWindowMs: hourMs, shortWindowMs: 5 * minuteMs, severity: 'page' },
  { threshold: 6, longWindowMs: 6 * hourMs, shortWindowMs: 30 * minuteMs, severity: 'page' },
  { threshold: 1, longWindowMs: 3 * dayMs, shortWindowMs: 6 * hourMs, severity: 'ticket' },
];

/** How many times faster than sustainable the budget burns; 0 when nothing was observed. */
export function burnRate({ good, total }: Tally, objective: number): number {
  return total === 0 ? 0 : (total - good) / total / (1 - objective);
}

/**
 * Time in which nobody looked, before the first start and while this service was away, counts as good:
 * else the first bad second of a new mesh would wake somebody up. What was seen counts as it was.
 * @param everyMs - how often there is an observation.
 */
export function filledUp({ good, total, unseenMs }: Observed, everyMs: number): Tally {
  const unseen = Math.floor(unseenMs / everyMs);
  return { good: good + unseen, total: total + unseen };
}

/** @param over - what was observed since so many milliseconds ago, filled up. */
export function burnRates(objective: number, over: (windowMs: number) => Tally): BurnRate[] {
  return pairs.map(({ threshold, longWindowMs, shortWindowMs, severity }) => {
    const longRate = burnRate(over(longWindowMs), objective);
    const shortRate = burnRate(over(shortWindowMs), objective);
    const isFiring = longRate >= threshold && shortRate >= threshold;
    return { threshold, longWindowMs, longRate, shortWindowMs, shortRate, isFiring, severity };
  });
}

/** The share of the error budget that is left: 1 for all of it, below 0 when more is spent than there was. */
export function budgetLeft({ good, total }: Tally, objective: number): number {
  return total === 0 ? 1 : 1 - (total - good) / (total * (1 - objective));
}
