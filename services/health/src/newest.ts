import { type Clock, systemClock } from '@sluice/mesh';
import type { GetInstanceResponse, HeldSet, SetRef } from '@sluice/proto';

interface Word {
  readonly atMs: number;
  readonly sets: ReadonlyMap<string, HeldSet>;
}

/** Instances of config whose words are kept: far more than there ever are. */
const instancesMax = 100;

/** An instance of config that was silent for this long while another one spoke may be of yesterday, in milliseconds. */
const outOfDateMs = 5_000;

/**
 * The newest revision of each set, by config's word; what it said last stands while it is away.
 * Its instances read one database, so the highest of what they say now counts, and not what they
 * ever said: a set that is gone is gone, and a mesh that was made anew counts from 1 again.
 */
export class Newest {
  readonly #clock: Clock;
  readonly #words = new Map<string, Word>();

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Takes what an instance says of itself. Only config knows what is newest. */
  hear({ service, instance, sets }: GetInstanceResponse): void {
    if (service !== 'config') return;
    const nowMs = this.#clock.now();
    for (const [other, { atMs }] of this.#words) if (nowMs - atMs > outOfDateMs) this.#words.delete(other);
    if (this.#words.size >= instancesMax && !this.#words.has(instance)) return;
    const named = sets.flatMap((held) => (held.set ? [[keyOf(held.set), held] as const] : []));
    this.#words.set(instance, { atMs: nowMs, sets: new Map(named) });
  }

  get(set: SetRef): HeldSet | undefined {
    const key = keyOf(set);
    let top: HeldSet | undefined;
    for (const { sets } of this.#words.values()) {
      const held = sets.get(key);
      if (held && (!top || held.revision > top.revision)) top = held;
    }
    return top;
  }

  /** Ordered by project, then environment. */
  all(): HeldSet[] {
    const keys = new Set([...this.#words.values()].flatMap(({ sets }) => [...sets.keys()]));
    return [...keys].sort().flatMap((key) => {
      const [project = '', environment = ''] = key.split('/');
      return this.get({ project, environment }) ?? [];
    });
  }
}

function keyOf({ project, environment }: SetRef): string {
  return `${project}/${environment}`;
}
