/** How often it is asked whether a key is greedy, in milliseconds. */
const lookEveryMs = 50;
/** A thread that is busy for this share of the time is saturated. */
const saturated = 0.9;
/** What is aimed at while a key is held back: the rest of the time is everybody else's. */
const leastBusy = 0.7;
const mostBusy = 0.8;
/** A key that makes this share of all calls, while others call as well, is greedy. */
const greedyShare = 0.8;
/** Fewer calls between two looks tell nothing. */
const tellingCalls = 20;
/** For so long after it was last seen to be greedy a key is held back, and others count as calling, in milliseconds. */
const rememberedMs = 1_000;
/** In this time what is taken for busy has followed what is seen by two thirds, in milliseconds. */
const smoothedOverMs = 30;
/** How fast the rate follows that, at each sweep. */
const slower = 0.97;
const faster = 1.01;
/** Calls per millisecond that a greedy key may make at least. */
const slowest = 0.1;
/** Calls may go on together that would have gone on one by one in this time, in milliseconds. */
const burstMs = 10;

/** Lets a call go on. @returns false when it is over by now. */
type GoOn = () => boolean;

interface Greedy {
  readonly key: string;
  /** Calls per millisecond that go on. */
  perMs: number;
  /** Calls that may go on now. */
  tokens: number;
  /** Those that have to wait, oldest first. */
  readonly held: GoOn[];
  /** Whether some had to since the last look. */
  hasHeld: boolean;
  untilMs: number;
}

/**
 * Holds back one key that would take all of a thread's time. What has arrived on a connection is read
 * before anything is answered, so that others wait behind it even when they are always next in turn.
 * While the thread is saturated, and nearly all calls are one key's, that key's calls go on at a rate
 * that leaves some of the time; the others of it wait, here and on the caller's side. Times are
 * milliseconds of a clock that never goes back.
 */
export class Restraint {
  readonly #heldMax: number;
  /** By key, since the last look. */
  readonly #calls = new Map<string, number>();
  #greedy: Greedy | undefined;
  #busy = 0;
  #lookedAtMs: number;
  #sweptAtMs: number;
  /** When more than one key was last seen. */
  #sharedAtMs = Number.NEGATIVE_INFINITY;

  /** At most `heldMax` calls wait. */
  constructor(heldMax: number, nowMs: number) {
    this.#heldMax = heldMax;
    this.#lookedAtMs = nowMs;
    this.#sweptAtMs = nowMs;
  }

  /** The key that is held back. */
  get greedy(): string | undefined {
    return this.#greedy?.key;
  }

  /** Notes a call of a key. @returns whether it may go on at once; otherwise it has to be held. */
  mayPass(key: string): boolean {
    this.#calls.set(key, (this.#calls.get(key) ?? 0) + 1);
    const greedy = this.#greedy;
    if (greedy?.key !== key) return true;
    if (greedy.held.length > 0 || greedy.tokens < 1) return false;
    greedy.tokens--;
    return true;
  }

  /** Keeps a call of the greedy key until `goOn`. @returns false when too many wait already. */
  hold(goOn: GoOn): boolean {
    if (this.#greedy === undefined || this.#greedy.held.length >= this.#heldMax) return false;
    this.#greedy.hasHeld = true;
    this.#greedy.held.push(goOn);
    return true;
  }

  /** To be called every few milliseconds, with the share of the time that the thread was busy since. */
  sweep(nowMs: number, utilization: number): void {
    const elapsedMs = nowMs - this.#sweptAtMs;
    this.#sweptAtMs = nowMs;
    this.#busy += (utilization - this.#busy) * (1 - Math.exp(-elapsedMs / smoothedOverMs));
    if (this.#greedy) this.#letGo(this.#greedy, elapsedMs);
    if (nowMs - this.#lookedAtMs >= lookEveryMs) this.#look(nowMs);
  }

  #letGo(greedy: Greedy, elapsedMs: number): void {
    if (this.#busy > mostBusy) greedy.perMs = Math.max(greedy.perMs * slower, slowest);
    // A rate that nobody is held to tells nothing.
    else if (this.#busy < leastBusy && greedy.held.length > 0) greedy.perMs *= faster;
    greedy.tokens = Math.min(greedy.tokens + elapsedMs * greedy.perMs, Math.max(burstMs * greedy.perMs, 1));
    while (greedy.tokens >= 1 && greedy.held.length > 0) if (greedy.held.shift()?.()) greedy.tokens--;
  }

  #look(nowMs: number): void {
    const elapsedMs = nowMs - this.#lookedAtMs;
    this.#lookedAtMs = nowMs;
    const { key, count, total } = most(this.#calls);
    if (this.#calls.size > 1) this.#sharedAtMs = nowMs;
    this.#calls.clear();
    const isShared = nowMs - this.#sharedAtMs < rememberedMs;
    const isMost = isShared && total >= tellingCalls && count > greedyShare * total;
    const greedy = this.#greedy;
    if (greedy && isMost && key === greedy.key && greedy.hasHeld) greedy.untilMs = nowMs + rememberedMs;
    if (greedy) greedy.hasHeld = greedy.held.length > 0;
    if (greedy && greedy.untilMs < nowMs) this.#end(greedy);
    if (this.#greedy || !isMost || this.#busy <= saturated) return;
    const perMs = (mostBusy * count) / elapsedMs;
    this.#greedy = { key, perMs, tokens: 0, held: [], hasHeld: false, untilMs: nowMs + rememberedMs };
  }

  /** Those that still wait don't all go on at once. */
  #end(greedy: Greedy): void {
    if (greedy.held.length === 0) this.#greedy = undefined;
    else greedy.perMs *= 2;
  }

  /** Holds nobody back any more. */
  close(): void {
    const held = this.#greedy?.held ?? [];
    this.#greedy = undefined;
    for (const goOn of held) goOn();
  }
}

/** The key with most calls. */
function most(calls: ReadonlyMap<string, number>): { key: string; count: number; total: number } {
  let [key, count, total] = ['', 0, 0];
  for (const [one, calledBy] of calls) {
    total += calledBy;
    if (calledBy > count) [key, count] = [one, calledBy];
  }
  return { key, count, total };
}
