import { batchBytesMax, batchEventsMax } from './limits.js';
import type { PendingEvent, SizedEvent } from './pending-event.js';

/** The tag and length of an event in its request, in bytes. */
const frameBytes = 6;

/** Events that wait in memory, first in, first out. Their wire form is made when they leave, in the sender's time and not the caller's. */
export class WaitingEvents {
  #waiting: PendingEvent[] = [];
  /** First of `waiting` that was not taken yet. */
  #head = 0;
  /** Taken, but too much for the batch before. */
  #left: SizedEvent | undefined;
  /** What those that wait hold in memory, about. */
  bytes = 0;
  readonly #encode: (pending: PendingEvent) => SizedEvent | undefined;

  /** `encode` makes the wire form, or says by `undefined` that the event goes nowhere. */
  constructor(encode: (pending: PendingEvent) => SizedEvent | undefined) {
    this.#encode = encode;
  }

  get isEmpty(): boolean {
    return this.#head === this.#waiting.length && this.#left === undefined;
  }

  get isBatchFull(): boolean {
    return this.#waiting.length - this.#head >= batchEventsMax;
  }

  push(pending: PendingEvent): void {
    this.bytes += pending.bytes;
    this.#waiting.push(pending);
  }

  /** The next events, up to the limits of a batch; none when all that waited went nowhere. */
  takeBatch(): SizedEvent['event'][] {
    const batch: SizedEvent['event'][] = [];
    let bytes = 0;
    for (;;) {
      const next = this.#left ?? this.#takeNext();
      this.#left = undefined;
      if (!next) return batch;
      if (batch.length > 0 && (batch.length >= batchEventsMax || bytes + next.bytes > batchBytesMax)) {
        this.#left = next;
        return batch;
      }
      batch.push(next.event);
      bytes += next.bytes + frameBytes;
    }
  }

  #takeNext(): SizedEvent | undefined {
    while (this.#head < this.#waiting.length) {
      const pending = this.#waiting[this.#head++];
      if (this.#head >= 1_024 || this.#head === this.#waiting.length) {
        this.#waiting = this.#waiting.slice(this.#head);
        this.#head = 0;
      }
      if (!pending) continue;
      this.bytes -= pending.bytes;
      const sized = this.#encode(pending);
      if (sized) return sized;
    }
    return undefined;
  }
}
