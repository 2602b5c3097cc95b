import type { GetInstanceResponse, HeldSet, SetRef } from '@sluice/proto';

/** Sets remembered at most. */
const setsMax = 100_000;

/** The newest revision of each set, by config's word; what it said last stands while it is away. */
export class Newest {
  readonly #sets = new Map<string, HeldSet>();

  /** Takes what an instance says of itself. Only config knows what is newest. */
  hear({ service, sets }: GetInstanceResponse): void {
    if (service !== 'config') return;
    for (const held of sets) if (held.set) this.#take(held.set, held);
  }

  get(set: SetRef): HeldSet | undefined {
    return this.#sets.get(keyOf(set));
  }

  /** Ordered by project, then environment. */
  all(): HeldSet[] {
    return [...this.#sets.entries()].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, held]) => held);
  }

  #take(set: SetRef, held: HeldSet): void {
    const known = this.#sets.get(keyOf(set));
    if (known && known.revision > held.revision) return;
    if (!known && this.#sets.size >= setsMax) return;
    this.#sets.set(keyOf(set), held);
  }
}

function keyOf({ project, environment }: SetRef): string {
  return `${project}/${environment}`;
}
