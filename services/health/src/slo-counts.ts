const minuteMs = 60_000;
const hourMs = 3_600_000;
/** Enough for the longest burn window. */
const minutesKept = 3 * 24 * 60;
/** Enough for the budget's window. */
const hoursKept = 30 * 24;

/** How many were good, of how many. */
export interface Tally {
  readonly good: number;
  readonly total: number;
}

/** What was observed in a window, and for how long nobody looked. */
export interface Observed extends Tally {
  readonly unseenMs: number;
}

/** One slot of time. */
type Slot = [startMs: number, good: number, total: number];

/** What is kept on disk. */
export interface SavedCounts {
  readonly minutes: readonly Slot[];
  readonly hours: readonly Slot[];
}

/**
 * Good and bad observations over time: by the minute for three days, by the hour for thirty. A
 * window is the sum of the slots that it touches, so it may be one slot longer than asked for.
 */
export class SloCounts {
  readonly #minutes: Slot[];
  readonly #hours: Slot[];

  constructor(saved: SavedCounts = { minutes: [], hours: [] }) {
    this.#minutes = saved.minutes.map(([start, good, total]) => [start, good, total]);
    this.#hours = saved.hours.map(([start, good, total]) => [start, good, total]);
  }

  /** `times`: of how many observations this one is in the place of. */
  add(nowMs: number, isGood: boolean, times = 1): void {
    count(this.#minutes, nowMs, minuteMs, minutesKept, isGood, times);
    count(this.#hours, nowMs, hourMs, hoursKept, isGood, times);
  }

  /** What was observed since `windowMs` ago. A slot in which there is nothing was not looked at. */
  over(windowMs: number, nowMs: number): Observed {
    const isLong = windowMs > minutesKept * minuteMs;
    const slots = isLong ? this.#hours : this.#minutes;
    const slotMs = isLong ? hourMs : minuteMs;
    const from = nowMs - windowMs - slotMs;
    let seenMs = 0;
    let good = 0;
    let total = 0;
    for (let at = slots.length - 1; at >= 0; at--) {
      const slot = slots[at];
      if (!slot || slot[0] <= from) break;
      good += slot[1];
      total += slot[2];
      seenMs += slotMs;
    }
    return { good, total, unseenMs: Math.max(windowMs - seenMs, 0) };
  }

  save(): SavedCounts {
    return { minutes: this.#minutes, hours: this.#hours };
  }
}

/** A clock that was set back counts into the newest slot: slots stay in order. */
function count(slots: Slot[], nowMs: number, slotMs: number, kept: number, isGood: boolean, times: number): void {
  const start = Math.floor(nowMs / slotMs) * slotMs;
  const last = slots.at(-1);
  const slot = last && last[0] >= start ? last : open(slots, start, kept);
  slot[1] += isGood ? times : 0;
  slot[2] += times;
}

function open(slots: Slot[], start: number, kept: number): Slot {
  const slot: Slot = [start, 0, 0];
  slots.push(slot);
  if (slots.length > kept) slots.shift();
  return slot;
}
