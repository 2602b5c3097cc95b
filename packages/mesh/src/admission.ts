import { ConcurrencyLimit } from './concurrency-limit.js';
import { FairQueue, type Waiter } from './fair-queue.js';
import type { ServerLimits } from './server-limits.js';

/** Why a call was turned away. */
export type ShedReason = 'queue_full' | 'waited_too_long' | 'deadline' | 'key_rate' | 'headers';

/** A call that waits for its turn. Exactly one of `admit` and `shed` is called, unless it is gone. */
export interface WaitingCall extends Waiter {
  /** When its caller gives up, in milliseconds of the clock; infinite when never. */
  readonly deadlineMs: number;
  admit(): void;
  shed(reason: ShedReason): void;
}

type Limits = Pick<ServerLimits, 'inFlightMax' | 'inFlightMin' | 'latencyTargetMs' | 'queueMax' | 'queueTimeoutMs'>;

/** A call with less time left than this is not begun: its answer would come too late. Milliseconds. */
export const hopelessMs = 2;

/** The share of the calls in flight that is let in before the loop turns, and the least number of them. */
const turnShare = 0.2;
const turnMin = 4;

/** What a call took from its admission to its end, which may have been that its caller had waited enough. */
export interface Took {
  readonly method: string;
  readonly latencyMs: number;
  readonly isAnswered: boolean;
}

/** Lets so many calls in as can be answered in time, and says no to the rest early. */
export class Admission {
  readonly #limits: Limits;
  readonly #limit: ConcurrencyLimit;
  readonly #queue = new FairQueue<WaitingCall>();
  #inFlight = 0;
  #isOpening = false;
  /** Calls let in since the loop turned. */
  #letIn = 0;

  /** `utilization`: the share of the time since it was asked last that this thread was busy. */
  constructor(limits: Limits, utilization: () => number) {
    this.#limits = limits;
    const { inFlightMin: min, inFlightMax: max, latencyTargetMs: targetMs } = limits;
    this.#limit = new ConcurrencyLimit({ min: Math.min(min, max), max, targetMs, utilization });
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  get waiting(): number {
    return this.#queue.size;
  }

  get limit(): number {
    return this.#limit.value;
  }

  /** Lets a call in, if there is room at once. Otherwise it has to wait. */
  tryEnter(): boolean {
    if (this.#inFlight >= this.#limit.value && this.#limits.inFlightMax > 0) {
      this.#limit.noteScarcity();
      return false;
    }
    if (this.#isTurnOver() && this.#queue.size < this.#limits.queueMax) return false;
    this.#countIn();
    return true;
  }

  /**
   * Whether enough calls were let in since the loop turned. What arrives on a connection is read for as
   * long as there is something, and answers bring the next calls: one busy connection could keep all
   * others unread.
   */
  #isTurnOver(): boolean {
    return this.#letIn >= Math.max(this.#limit.value * turnShare, turnMin) && this.#limits.inFlightMax > 0;
  }

  #countIn(): void {
    this.#inFlight++;
    if (this.#letIn++ > 0) return;
    setImmediate(() => {
      this.#letIn = 0;
      if (this.#queue.size > 0) this.#open(performance.now());
    });
  }

  /**
   * When a call that begins to wait now is turned away: after half of its time, so that the other
   * half is left to try elsewhere; at its end, if its caller would not; or soon, if it has none.
   */
  patienceUntil(nowMs: number, deadlineMs: number, isRepeatable: boolean): number {
    const leftMs = Number.isFinite(deadlineMs) ? deadlineMs - nowMs : 0;
    const patienceMs = Math.max(this.#limits.queueTimeoutMs, isRepeatable ? leftMs / 2 : leftMs);
    return Math.min(nowMs + patienceMs, deadlineMs - hopelessMs);
  }

  /** Waits for a turn; when too many do, the oldest call of the key with most of them is turned away. */
  wait(call: WaitingCall): void {
    this.#queue.add(call);
    if (this.#queue.size <= this.#limits.queueMax) return;
    const last = this.#queue.takeLast();
    if (last && !last.isGone) last.shed('queue_full');
  }

  /** A call ended that was let in; with what it took, unless that says nothing of our load. */
  leave(nowMs: number, took?: Took): void {
    this.#inFlight--;
    if (took) this.#limit.record(took.method, took.latencyMs, nowMs, took.isAnswered);
    this.#open(nowMs);
  }

  /** Turns away who has waited long enough. To be called every few milliseconds while somebody waits. */
  sweep(nowMs: number): void {
    for (const call of this.#queue.takeLate(nowMs)) shedLate(call, nowMs);
    this.#open(nowMs);
  }

  #open(nowMs: number): void {
    // A call that fails at once leaves while the loop below lets it in.
    if (this.#isOpening) return;
    this.#isOpening = true;
    while (this.#queue.size > 0 && this.#inFlight < this.#limit.value && !this.#isTurnOver()) {
      // Once the oldest have waited for half of what they may, not all can be served.
      const call = this.#queue.take(nowMs - this.#limits.queueTimeoutMs / 2);
      if (call === undefined) break;
      if (call.untilMs <= nowMs) {
        shedLate(call, nowMs);
        continue;
      }
      this.#countIn();
      call.admit();
    }
    this.#isOpening = false;
  }
}

function shedLate(call: WaitingCall, nowMs: number): void {
  if (!call.isGone) call.shed(call.deadlineMs - hopelessMs <= nowMs ? 'deadline' : 'waited_too_long');
}

/**
 * When to come back, in milliseconds before it is spread out: the larger the share of calls that
 * are turned away, the later.
 */
export function pushback(shedShare: number): number {
  return 25 + 175 * shedShare;
}
