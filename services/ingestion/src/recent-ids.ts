/**
 * The ids that the log took last, so that a retry that arrives soon is told so. Only an
 * optimisation: what it forgets, or another instance took, the writer's key removes.
 */
export interface RecentIds {
  has(project: string, id: string): boolean;
  add(project: string, id: string): void;
}

/** Remembers between `idsMax` and twice as many. */
export function createRecentIds(idsMax: number): RecentIds {
  // Two generations: dropping a whole set at once costs less than keeping an order.
  let young = new Set<string>();
  let old = new Set<string>();
  return {
    has: (project, id) => young.has(`${project}/${id}`) || old.has(`${project}/${id}`),
    add: (project, id) => {
      young.add(`${project}/${id}`);
      if (young.size < idsMax) return;
      old = young;
      young = new Set();
    },
  };
}
