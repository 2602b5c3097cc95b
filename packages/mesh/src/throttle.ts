/** Of a call that was sent. Late: its deadline passed. */
export type Outcome = 'accepted' | 'shed' | 'late';

interface Slice {
  readonly atMs: number;
  requests: number;
  accepts: number;
  sheds: number;
}

/**
 * A client's own restraint, after the book "Site Reliability Engineering" (Handling Overload,
 * client-side throttling). A server that turns most calls away still spends time on each of them;
 * so whoever is turned away sends less, down to twice of what was accepted lately.
 */
export class Throttle {
  readonly #random: () => number;
  readonly #slices: Slice[] = [];
  #requests = 0;
  #accepts = 0;
  #sheds = 0;

  /** `random`: from 0 to 1. */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** Whether this call had better not be sent. To be asked once for each. */
  refuses(nowMs: number): boolean {
    this.#forget(nowMs);
    const excess = this.#requests - acceptsFactor * this.#accepts - spare;
    if (excess <= 0 || this.#random() >= excess / (this.#requests + 1)) return false;
    this.#slice(nowMs).requests++;
    this.#requests++;
    return true;
  }

  /**
   * What became of a call that was sent. One that was not answered in time counts as turned away when
   * others are; otherwise its instance may be frozen, and another one takes its place.
   */
  note(outcome: Outcome, nowMs: number): void {
    this.#forget(nowMs);
    if (outcome === 'late' && this.#sheds === 0) return;
    const slice = this.#slice(nowMs);
    slice.requests++;
    this.#requests++;
    if (outcome === 'accepted') {
      slice.accepts++;
      this.#accepts++;
    } else if (outcome === 'shed') {
      slice.sheds++;
      this.#sheds++;
    }
  }

  #slice(nowMs: number): Slice {
    const last = this.#slices.at(-1);
    if (last && nowMs - last.atMs < sliceMs) return last;
    const slice = { atMs: nowMs, requests: 0, accepts: 0, sheds: 0 };
    this.#slices.push(slice);
    return slice;
  }

  #forget(nowMs: number): void {
    for (let first = this.#slices[0]; first && nowMs - first.atMs >= windowMs; first = this.#slices[0]) {
      this.#slices.shift();
      this.#requests -= first.requests;
      this.#accepts -= first.accepts;
      this.#sheds -= first.sheds;
    }
  }
}

/** So many calls are sent for each that is accepted: enough to notice at once that there is room again. */
const acceptsFactor = 2;
/** Who calls less often than this in a window is no part of the problem. */
const spare = 10;
/** The book's two minutes would keep a client away for as long after the overload. */
const windowMs = 500;
const sliceMs = 50;
