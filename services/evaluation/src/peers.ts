import { type Clock, type Release, systemClock } from '@sluice/mesh';
import { Ack, type SetRef } from '@sluice/proto';
import { compareLineage, type Holdings, type Standing, setKey } from '@sluice/replica';

/** What another evaluator said last of a set. */
interface Word {
  readonly revision: number;
  readonly lineage: string;
  /** Milliseconds since it knew that revision to be the newest, when it said so. */
  readonly ageMs: number;
  /** When it came, Unix milliseconds. */
  readonly atMs: number;
}

/** Evaluators acknowledge every second: one that did not for this long may be gone, in milliseconds. */
const aliveForMs = 3_000;

/** Sets, and peers on each, that are remembered. */
const setsMax = 100_000;
const peersMax = 1_000;

/**
 * What the other evaluators hold, by the acks that they send to config. A stale evaluator steps
 * back when somebody fresher can take its place, and only then: stale answers beat none.
 */
export class Peers {
  readonly #instance: string;
  readonly #clock: Clock;
  /** By set, then by instance. */
  readonly #words = new Map<string, Map<string, Word>>();

  constructor(instance: string, clock: Clock = systemClock) {
    this.#instance = instance;
    this.#clock = clock;
  }

  follow(source: { subscribe(subject: string, onMessage: (message: { data: Uint8Array }) => void): Release }): Release {
    return source.subscribe('ack.v1.>', ({ data }) => this.hear(Ack.decode(data)));
  }

  hear({ instance, set, revision, lineage = '', ageMs }: Ack): void {
    if (!set || instance === this.#instance) return;
    const words = this.#words.get(setKey(set)) ?? new Map<string, Word>();
    if (this.#words.size >= setsMax && words.size === 0) return;
    this.#words.set(setKey(set), words);
    words.delete(instance);
    // One that does not say how fresh it is counts as fresh where it holds more, and not otherwise.
    words.set(instance, { revision, lineage, ageMs: ageMs ?? Number.POSITIVE_INFINITY, atMs: this.#clock.now() });
    const [oldest] = words.keys();
    if (words.size > peersMax && oldest !== undefined) words.delete(oldest);
  }

  /** A live evaluator that holds more of a set, or the same and knows that it is the newest. */
  fresherThan({ state }: Standing, staleAfterMs: number): string | undefined {
    const nowMs = this.#clock.now();
    for (const [instance, word] of this.#words.get(setKey(state.set)) ?? []) {
      if (nowMs - word.atMs > aliveForMs) continue;
      const lineage = compareLineage(state.lineage, word.lineage);
      const isFresh = word.ageMs + (nowMs - word.atMs) <= staleAfterMs;
      const holdsMore = lineage === 'later' || (lineage === 'same' && word.revision > state.revision);
      if (holdsMore || (isFresh && lineage === 'same' && word.revision === state.revision)) return instance;
    }
    return undefined;
  }
}

/** Somebody who is fresher for a moment, as when config is back and not everybody has asked it yet, is no reason to step back. */
const outdoneForMs = 2_000;

/** Tells for how long in a row an evaluator has been outdone. */
export class Standby {
  readonly #clock: Clock;
  #sinceMs: number | undefined;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** Whether it is time to let the others answer. Asked again and again. */
  stepsBack(isOutdone: boolean): boolean {
    if (!isOutdone) this.#sinceMs = undefined;
    else this.#sinceMs ??= this.#clock.now();
    return this.#sinceMs !== undefined && this.#clock.now() - this.#sinceMs >= outdoneForMs;
  }
}

/** A set that is held past the limit of staleness while a peer holds it fresher; undefined when all is well. */
export function outdone(
  holdings: Pick<Holdings, 'all'>,
  peers: Pick<Peers, 'fresherThan'>,
  staleAfterMs: number,
): { readonly set: SetRef; readonly peer: string } | undefined {
  for (const standing of holdings.all()) {
    if (standing.ageMs <= staleAfterMs) continue;
    const peer = peers.fresherThan(standing, staleAfterMs);
    if (peer !== undefined) return { set: standing.state.set, peer };
  }
  return undefined;
}
