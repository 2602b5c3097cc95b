import type { IdList } from '@sluice/engine';

const keyLength = 8;

/** Standard Base64: the value of each ASCII code, 255 for those outside the alphabet. */
const values = (() => {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
  const table = new Uint8Array(128).fill(255);
  for (let i = 0; i < alphabet.length; i++) table[alphabet.charCodeAt(i)] = i;
  return table;
})();

/**
 * An id list over its wire form. A key is 8 Base64 characters, which is 48 bits, which a double
 * holds exactly: an open-addressing table of doubles takes 16 bytes a key at most, a fifth of a
 * `Set<string>`. The table is made at the first look-up, because many holders never look.
 */
export class PackedIdList implements IdList {
  /** Keys back to back. */
  readonly keys: string;
  readonly idType: string;
  #table: Float64Array | undefined;

  constructor(keys: string, idType: string) {
    this.keys = keys;
    this.idType = idType;
  }

  has(key: string): boolean {
    const wanted = key.length === keyLength ? readKey(key, 0) : 0;
    if (wanted === 0) return false;
    this.#table ??= buildTable(this.keys);
    return this.#table[slotOf(this.#table, wanted)] === wanted;
  }
}

/** The key as a number from 1; 0 when it is not Base64. */
function readKey(keys: string, start: number): number {
  let high = 0;
  let low = 0;
  let bad = 0;
  for (let i = 0; i < 4; i++) {
    const left = values[keys.charCodeAt(start + i)] ?? 255;
    const right = values[keys.charCodeAt(start + i + 4)] ?? 255;
    bad |= left | right;
    high = (high << 6) | left;
    low = (low << 6) | right;
  }
  return bad > 63 ? 0 : high * 2 ** 24 + low + 1;
}

function buildTable(keys: string): Float64Array {
  const count = Math.floor(keys.length / keyLength);
  const table = new Float64Array(2 ** Math.ceil(Math.log2(Math.max(count, 1) * 1.5)));
  for (let start = 0; start + keyLength <= keys.length; start += keyLength) {
    const key = readKey(keys, start);
    if (key !== 0) table[slotOf(table, key)] = key;
  }
  return table;
}

/** Where the key is, or would go. Keys are digests: their low bits are as random as any. */
function slotOf(table: Float64Array, key: number): number {
  const mask = table.length - 1;
  let slot = key & mask;
  while (table[slot] !== 0 && table[slot] !== key) slot = (slot + 1) & mask;
  return slot;
}
