import type { Lab } from './lab.js';

/** What a story found. */
export interface Finding {
  readonly measured: string;
  readonly isMet: boolean;
}

/** One fault, what must hold during it, and how that is found out. */
export interface Story {
  readonly fault: string;
  readonly goal: string;
  /** Why it can't be told on this machine; undefined when it can. */
  readonly isNotRun?: () => string | undefined;
  /** Leaves the mesh as it was. */
  tell(lab: Lab): Promise<Finding>;
  readonly mutant: Mutant;
}

/** The same with what protects taken away: the checker must then find fault, or it could not find any. */
export interface Mutant {
  /** What is taken away. */
  readonly without: string;
  /** Leaves the mesh as it was. */
  tell(lab: Lab): Promise<Finding>;
}

/** What callers found, and what operators were told. */
export interface Told {
  readonly calls: Finding;
  readonly naming: Finding;
}

/** What only callers found: what protects them can be taken away without anybody being told less. */
export async function callsOf(told: Promise<Told>): Promise<Finding> {
  return (await told).calls;
}

export async function allOf(told: Promise<Told>): Promise<Finding> {
  const { calls, naming } = await told;
  return both(calls, naming);
}

/** Findings of one story together. */
export function both(...findings: readonly Finding[]): Finding {
  return {
    measured: findings.map(({ measured }) => measured).join('; '),
    isMet: findings.every(({ isMet }) => isMet),
  };
}
