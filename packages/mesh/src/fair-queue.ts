/** Somebody who waits for a turn. */
export interface Waiter {
  /** Whom it waits for: keys take turns. */
  readonly key: string;
  /** Since when it waits, in milliseconds of the caller's clock. */
  readonly sinceMs: number;
  /** When waiting has become pointless, in milliseconds of the caller's clock. */
  readonly untilMs: number;
  /** Left by itself: the caller hung up. */
  isGone: boolean;
}

/**
 * Waiters, of whom the oldest is served first as long as that is soon, and otherwise the newest; and
 * keys take turns. Newest first, because under overload the oldest have callers who are about to
 * give up: serving them is work for nobody. But only then, because a busy server that keeps up would
 * let the oldest starve. Taking turns, because a key that sends ten times its share must wait for
 * itself.
 */
export class FairQueue<W extends Waiter> {
  /** Each key's waiters, oldest first; the key whose turn it is comes first. */
  readonly #stacks = new Map<string, W[]>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(waiter: W): void {
    const stack = this.#stacks.get(waiter.key);
    if (stack) stack.push(waiter);
    else this.#stacks.set(waiter.key, [waiter]);
    this.#size++;
  }

  /** A waiter of the key whose turn it is: its oldest, or its newest if the oldest waits since before `staleMs`. */
  take(staleMs: number): W | undefined {
    for (const [key, stack] of this.#stacks) {
      const [oldest] = stack;
      const waiter = oldest && oldest.sinceMs < staleMs ? stack.pop() : stack.shift();
      this.#stacks.delete(key);
      if (stack.length > 0) this.#stacks.set(key, stack);
      if (waiter === undefined) continue;
      this.#size--;
      if (!waiter.isGone) return waiter;
    }
    return undefined;
  }

  /** The oldest waiter of the key that has most of them: who is to go when there are too many. */
  takeLast(): W | undefined {
    let longest: W[] = [];
    for (const stack of this.#stacks.values()) if (stack.length > longest.length) longest = stack;
    const waiter = longest.shift();
    if (waiter === undefined) return undefined;
    this.#size--;
    if (longest.length === 0) this.#stacks.delete(waiter.key);
    return waiter;
  }

  /** Takes all those out whose time is over, or who are gone. */
  takeLate(nowMs: number): W[] {
    const late: W[] = [];
    for (const [key, stack] of this.#stacks) {
      const left = stack.filter((waiter) => {
        if (!waiter.isGone && waiter.untilMs > nowMs) return true;
        late.push(waiter);
        return false;
      });
      if (left.length === stack.length) continue;
      if (left.length > 0) this.#stacks.set(key, left);
      else this.#stacks.delete(key);
    }
    this.#size -= late.length;
    return late;
  }
}
