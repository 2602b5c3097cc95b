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

/** Findings of one story together. */
export function both(...findings: readonly Finding[]): Finding {
  return {
    measured: findings.map(({ measured }) => measured).join('; '),
    isMet: findings.every(({ isMet }) => isMet),
  };
}
