import type { IdList } from './ruleset.js';

/** Slots are at most this full: lookups of keys that are not there stay short. */
const fullness = 0.6;
const emptySlot = 0xffffffff;
/** Left behind by a removal, so that searches go on past it. */
const removedSlot = 0xfffffffe;

/**
 * Id list keys in 48 bits each: 8 characters of Base64 are 6 bytes. Open addressing in two typed arrays
 * takes 6 bytes a slot, about a tenth of a `Set` of strings.
 */
export class DenseIdList implements IdList {
  /** Upper 32 bits of each key, or a mark. */
  #high = new Uint32Array(16).fill(emptySlot);
  #low = new Uint16Array(16);
  #mask = 15;
  #size = 0;
  #used = 0;
  /** Keys that are not canonical, or whose upper bits look like a mark. There are next to none. */
  readonly #odd = new Set<string>();

  get size(): number {
    return this.#size + this.#odd.size;
  }

  has(key: string): boolean {
    const high = highBits(key);
    return high < 0 ? this.#odd.has(key) : this.#find(high, lowBits(key)) >= 0;
  }

  /** Adds a key; adding it again changes nothing. */
  add(key: string): void {
    const high = highBits(key);
    if (high < 0) {
      this.#odd.add(key);
      return;
    }
    const low = lowBits(key);
    if (this.#find(high, low) >= 0) return;
    if (this.#used + 1 > (this.#mask + 1) * fullness) this.#rebuild();
    this.#insert(high, low);
  }

  /** Removes a key; one that is not there changes nothing. */
  delete(key: string): void {
    const high = highBits(key);
    if (high < 0) {
      this.#odd.delete(key);
      return;
    }
    const slot = this.#find(high, lowBits(key));
    if (slot < 0) return;
    this.#high[slot] = removedSlot;
    this.#size--;
  }

  /** Applies lines of an id list file: `+key` adds, `-key` removes, everything else is skipped. No space is skipped. */
  applyLines(text: string): void {
    for (const line of text.split('\n')) {
      const key = line.endsWith('\r') ? line.slice(1, -1) : line.slice(1);
      if (key === '') continue;
      if (line.startsWith('+')) this.add(key);
      else if (line.startsWith('-')) this.delete(key);
    }
  }

  #find(high: number, low: number): number {
    const mask = this.#mask;
    for (let slot = placeOf(high, low) & mask; ; slot = (slot + 1) & mask) {
      const held = this.#high[slot];
      if (held === high && this.#low[slot] === low) return slot;
      if (held === emptySlot) return -1;
    }
  }

  #insert(high: number, low: number): void {
    let slot = placeOf(high, low) & this.#mask;
    while (this.#high[slot] !== emptySlot) slot = (slot + 1) & this.#mask;
    this.#high[slot] = high;
    this.#low[slot] = low;
    this.#size++;
    this.#used++;
  }

  /** Makes room, and drops what removals left behind. */
  #rebuild(): void {
    const high = this.#high;
    const low = this.#low;
    let slots = 16;
    while ((this.#size + 1) * 1.25 > slots * fullness) slots *= 2;
    this.#high = new Uint32Array(slots).fill(emptySlot);
    this.#low = new Uint16Array(slots);
    this.#mask = slots - 1;
    this.#size = 0;
    this.#used = 0;
    for (let slot = 0; slot < high.length; slot++) {
      const held = high[slot] as number;
      if (held < removedSlot) this.#insert(held, low[slot] as number);
    }
  }
}

/** Keys are hashes already; mixing only keeps lists that somebody made up from piling up. */
function placeOf(high: number, low: number): number {
  return Math.imul(high ^ (low << 13), 0x9e3779b1) >>> 7;
}

const digits = new Int8Array(128).fill(-1);
for (const [value, digit] of [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'].entries()) {
  digits[digit.charCodeAt(0)] = value;
}

/** The upper 32 bits of a key, or −1 when the key does not fit the table. */
function highBits(key: string): number {
  if (key.length !== 8) return -1;
  let isOdd = 0;
  for (let i = 0; i < 8; i++) isOdd |= digitAt(key, i);
  if (isOdd < 0) return -1;
  const upper = (digitAt(key, 0) << 24) | (digitAt(key, 1) << 18) | (digitAt(key, 2) << 12);
  const high = (upper | (digitAt(key, 3) << 6) | digitAt(key, 4)) * 4 + (digitAt(key, 5) >> 4);
  return high < removedSlot ? high : -1;
}

/** The lower 16 bits of a key that fits. */
function lowBits(key: string): number {
  return ((digitAt(key, 5) & 15) << 12) | (digitAt(key, 6) << 6) | digitAt(key, 7);
}

function digitAt(key: string, index: number): number {
  const code = key.charCodeAt(index);
  return code < 128 ? (digits[code] as number) : -1;
}
