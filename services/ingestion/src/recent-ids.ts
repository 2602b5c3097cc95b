/**
 * The ids that the log took last, so that a retry that arrives soon is told so. Only an
 * optimisation: what it forgets, or another instance took, the writer's key removes.
 */
export interface RecentIds {
  has(project: string, id: string): boolean;
  add(project: string, id: string): void;
}

/** Ids by project: a key of both would have to be put together, and hashed, for each event. */
class Generation {
  readonly #projects = new Map<string, Set<string>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(project: string, id: string): boolean {
    return this.#projects.get(project)?.has(id) ?? false;
  }

  add(project: string, id: string): void {
    let ids = this.#projects.get(project);
    if (ids === undefined) {
      ids = new Set();
      this.#projects.set(project, ids);
    }
    ids.add(id);
    this.#size++;
  }
}

/** Remembers between `idsMax` and twice as many. */
export function createRecentIds(idsMax: number): RecentIds {
  // Two generations: dropping a whole one at once costs less than keeping an order.
  let young = new Generation();
  let old = new Generation();
  return {
    has: (project, id) => young.has(project, id) || old.has(project, id),
    add: (project, id) => {
      young.add(project, id);
      if (young.size < idsMax) return;
      old = young;
      young = new Generation();
    },
  };
}
