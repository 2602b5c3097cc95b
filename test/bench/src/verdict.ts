/** How a measurement is printed: with its goal, and whether that was met. */
import type { ErrorKind } from '@sluice/mesh';

export interface Goal {
  readonly text: string;
  readonly isMet: boolean;
}

/** A line with a goal, and whether it was met. */
export function judge(what: string, measured: string, goal?: Goal): void {
  const verdict = goal ? `goal ${goal.text.padEnd(12)} ${goal.isMet ? 'met' : 'MISSED'}` : '';
  console.log(`  ${what.padEnd(52)} ${measured.padStart(26)}   ${verdict}`.trimEnd());
}

export const atMost = (value: number, limit: number, unit: string): Goal => ({
  text: `<= ${limit} ${unit}`,
  isMet: value <= limit,
});

export const atLeast = (value: number, limit: number, unit: string): Goal => ({
  text: `>= ${limit} ${unit}`,
  isMet: value >= limit,
});

/** A server that turns a call away says when to come again; whoever hears nothing until its deadline was told nothing. */
const explicit: ReadonlySet<string> = new Set<ErrorKind>(['exhausted', 'unavailable']);

/** `refused`: how often calls ended in which way. */
export function allExplicit(refused: ReadonlyMap<string, number>): Goal {
  const dumb = [...refused].filter(([kind]) => !explicit.has(kind)).reduce((sum, [, count]) => sum + count, 0);
  return {
    text: dumb === 0 ? 'every refusal explicit' : `every refusal explicit, ${dumb} were not`,
    isMet: dumb === 0,
  };
}
