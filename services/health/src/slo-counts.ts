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

  add(nowMs: number, isGood: boolean): void {
    count(this.#minutes, nowMs, minuteMs, minutesKept, isGood);
    count(this.#hours, nowMs, hourMs, hoursKept, isGood);
  }

  /** What was observed since `windowMs` ago. */
  over(windowMs: number, nowMs: number): Tally {
    const isLong = windowMs > minutesKept * minuteMs;
    const slots = isLong ? this.#hours : this.#minutes;
    const from = nowMs - windowMs - (isLong ? hourMs : minuteMs);
    let good = 0;
    let total = 0;
    for (let at = slots.length - 1; at >= 0; at--) {
      const slot = slots[at];
      if (!slot || slot[0] <= from) break;
      good += slot[1];
      total += slot[2];
    }
    return { good, total };
  }

  save(): SavedCounts {
    return { minutes: this.#minutes, hours: this.#hours };
  }
}

/** A clock that was set back counts into the newest slot: slots stay in order. */
function count(slots: Slot[], nowMs: number, slotMs: number, kept: number, isGood: boolean): void {
  const start = Math.floor(nowMs / slotMs) * slotMs;
  const last = slots.at(-1);
  const slot = last && last[0] >= start ? last : open(slots, start, kept);
  slot[1] += isGood ? 1 : 0;
  slot[2] += 1;
}

function open(slots: Slot[], start: number, kept: number): Slot {
  const slot: Slot = [start, 0, 0];
  slots.push(slot);
  if (slots.length > kept) slots.shift();
  return slot;
}
