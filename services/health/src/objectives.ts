import { ProbeKind } from '@sluice/proto';

/** How often a canary gate is evaluated in each region, in milliseconds. */
export const evaluateEveryMs = 1_000;
/** How often a canary event is logged in each region, in milliseconds. */
export const ingestEveryMs = 5_000;
/** An event that is not counted by then counts as lost, in milliseconds. */
export const countedWithinMs = 10_000;

/** One thing that every region promises. */
export interface Objective {
  readonly name: string;
  /** What is counted as good. */
  readonly description: string;
  /** The probe that is counted. */
  readonly probe: ProbeKind;
  /** How often it is probed, in milliseconds. */
  readonly everyMs: number;
  readonly objective: number;
  /** A probe that took longer is bad, in milliseconds. */
  readonly withinMs: number;
}

export const budgetWindowMs = 30 * 24 * 3_600_000;

export const objectives: readonly Objective[] = [
  {
    name: 'availability',
    description: 'an evaluation gets the right answer',
    probe: ProbeKind.EVALUATE,
    everyMs: evaluateEveryMs,
    objective: 0.9999,
    withinMs: Number.POSITIVE_INFINITY,
  },
  {
    name: 'events',
    description: `an event is accepted, and counted within ${countedWithinMs / 1_000} s`,
    probe: ProbeKind.INGEST,
    everyMs: ingestEveryMs,
    objective: 0.999,
    withinMs: countedWithinMs,
  },
  {
    name: 'latency',
    description: 'an evaluation gets the right answer within 100 ms',
    probe: ProbeKind.EVALUATE,
    everyMs: evaluateEveryMs,
    objective: 0.9999,
    withinMs: 100,
  },
];
