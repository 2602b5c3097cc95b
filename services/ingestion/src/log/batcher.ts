/**
 * Group commit for the log: requests that arrive together share one message, and so one fsync.
 * A request that comes alone is not kept waiting; those behind it gather until a limit is reached or
 * the oldest has waited long enough. While several messages are on their way, that is until one of
 * them is through: the longer an fsync takes, the more events share the next.
 */

/** Starts a timer; answers how to stop it. Tests bring their own. */
export type StartTimer = (work: () => void, afterMs: number) => () => void;

export interface BatcherLimits {
  /** Events of one message. */
  readonly eventsMax: number;
  /** Bytes of one message. */
  readonly bytesMax: number;
  /** How long the first of a batch waits for others, in milliseconds. */
  readonly waitMs: number;
  /** Messages of a key under way, from which on the next one waits for one of them to be through. */
  readonly underwayMax: number;
  /** How long it waits for that at most, in milliseconds. */
  readonly waitLongestMs: number;
  /** Bytes that may wait or be on their way, of all keys together. */
  readonly pendingBytesMax: number;
}

/** What callers hand in: it goes into one message, never two. */
export interface BatchItem {
  /** Events in it. */
  readonly count: number;
  /** Its share of the message. */
  readonly bytes: number;
}

export interface Batcher<Item extends BatchItem, Result> {
  /**
   * Resolves with what became of the message that took the item; rejects with its failure.
   * Answers `undefined` at once, and takes nothing, when too much is pending.
   */
  add(key: string, item: Item): Promise<Result> | undefined;
  /** Bytes that wait or are on their way. */
  pendingBytes(): number;
  /** Sends what waits, then resolves once nothing is on its way. */
  drain(): Promise<void>;
}

interface Gathering<Item, Result> {
  readonly items: Item[];
  readonly promise: Promise<Result>;
  readonly settle: (result: Promise<Result>) => void;
  count: number;
  bytes: number;
  /** It has waited for others long enough, and goes as soon as it may. */
  isDue: boolean;
  stopTimer: () => void;
}

const startTimeout: StartTimer = (work, afterMs) => {
  const timer = setTimeout(work, afterMs);
  return () => clearTimeout(timer);
};

/** `send` gets what was gathered for one key; it is called again for the key before it resolves. */
export function createBatcher<Item extends BatchItem, Result>(
  limits: BatcherLimits,
  send: (key: string, items: readonly Item[]) => Promise<Result>,
  startTimer: StartTimer = startTimeout,
): Batcher<Item, Result> {
  const gathering = new Map<string, Gathering<Item, Result>>();
  /** Messages on their way, by key: only a key that has some makes others wait. */
  const sending = new Map<string, number>();
  const underway = new Set<Promise<unknown>>();
  let pendingBytes = 0;

  const flush = (key: string): void => {
    const batch = gathering.get(key);
    if (!batch) return;
    gathering.delete(key);
    batch.stopTimer();
    sending.set(key, (sending.get(key) ?? 0) + 1);
    const sent = send(key, batch.items).finally(() => {
      pendingBytes -= batch.bytes;
      underway.delete(sent);
      const left = (sending.get(key) ?? 1) - 1;
      if (left === 0) sending.delete(key);
      else sending.set(key, left);
      if (gathering.get(key)?.isDue) flush(key);
    });
    underway.add(sent);
    batch.settle(sent);
  };

  const goSoon = (key: string, batch: Gathering<Item, Result>): void => {
    if ((sending.get(key) ?? 0) < limits.underwayMax) flush(key);
    else {
      batch.isDue = true;
      batch.stopTimer = startTimer(() => flush(key), limits.waitLongestMs - limits.waitMs);
    }
  };

  const open = (key: string): Gathering<Item, Result> => {
    const { promise, resolve } = Promise.withResolvers<Result>();
    const batch: Gathering<Item, Result> = {
      ...{ items: [], promise, settle: resolve, count: 0, bytes: 0, isDue: false },
      stopTimer: () => undefined,
    };
    // Requests of the same turn of the event loop still share a message when nothing else is on its way.
    batch.stopTimer = startTimer(() => goSoon(key, batch), sending.has(key) ? limits.waitMs : 0);
    gathering.set(key, batch);
    return batch;
  };

  const isTooMuch = (batch: Gathering<Item, Result>, item: BatchItem): boolean =>
    batch.items.length > 0 &&
    (batch.count + item.count > limits.eventsMax || batch.bytes + item.bytes > limits.bytesMax);

  return {
    add: (key, item) => {
      if (pendingBytes + item.bytes > limits.pendingBytesMax) return undefined;
      const held = gathering.get(key);
      if (held && isTooMuch(held, item)) flush(key);
      const batch = gathering.get(key) ?? open(key);
      batch.items.push(item);
      batch.count += item.count;
      batch.bytes += item.bytes;
      pendingBytes += item.bytes;
      if (batch.count >= limits.eventsMax || batch.bytes >= limits.bytesMax) flush(key);
      return batch.promise;
    },
    pendingBytes: () => pendingBytes,
    drain: async () => {
      for (const key of [...gathering.keys()]) flush(key);
      while (underway.size > 0) await Promise.allSettled(underway);
    },
  };
}
