import type { Decision } from '@sluice/engine';

/** The rate of answers that no rule has given, in every document that is compared. */
export const specialRate = 5;

const ruleless: ReadonlySet<string> = new Set(['default', 'disabled', '']);

/**
 * The rate at which the reference samples the exposure of a decision (one in so many, null: each), as its
 * fields say; those that must all be sent are not sampled. Sluice itself sends every exposure.
 */
export function samplingRateOf(decision: Decision): number | null | 'not sampled' {
  if (decision.forwardAllExposures || decision.hasAnalyticalGate) return 'not sampled';
  return ruleless.has(decision.ruleID) ? specialRate : decision.samplingRate;
}
