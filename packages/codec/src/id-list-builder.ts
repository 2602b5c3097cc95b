import { hash } from 'node:crypto';

/** Ids that one list may hold. */
export const idListMax = 1_000_000;

/** A list would hold too many ids. */
export class IdListFullError extends Error {
  constructor() {
    super(`an id list holds at most ${idListMax.toLocaleString('en')} ids; split it, or use a rule instead`);
    this.name = 'IdListFullError';
  }
}

/** A list's keys are not ones that this builder can take up. */
export class IdListKeysError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'IdListKeysError';
  }
}

/** Bytes of a key: 8 characters of Base64. */
const keyBytes = 6;
const keyLength = 8;

/** A key as a number below 2^48. */
function keyOf(unitId: string): number {
  return hash('sha256', unitId, 'buffer').readUIntBE(0, keyBytes);
}

/**
 * Collects ids as numbers of 48 bits, 8 bytes each, whatever their length; doubles are dropped
 * when room runs out and at the end. At most twice the limit is held: 16 MB.
 */
export class IdListBuilder {
  #keys = new Float64Array(1_024);
  #length = 0;

  /** @throws IdListFullError when there are more different ids than a list may hold. */
  add(unitId: string): void {
    this.#push(keyOf(unitId));
  }

  #push(key: number): void {
    if (this.#length === this.#keys.length) this.#makeRoom();
    this.#keys[this.#length++] = key;
  }

  /** Doubles first, then a larger array: so each id is sorted a few times at most. */
  #makeRoom(): void {
    this.#compact();
    if (this.#length > idListMax) throw new IdListFullError();
    if (this.#length <= this.#keys.length / 2) return;
    const larger = new Float64Array(Math.min(this.#keys.length * 2, idListMax * 2 + 2));
    larger.set(this.#keys.subarray(0, this.#length));
    this.#keys = larger;
  }

  #compact(): void {
    const sorted = this.#keys.subarray(0, this.#length).sort();
    let kept = 0;
    for (const key of sorted) {
      if (kept === 0 || sorted[kept - 1] !== key) sorted[kept++] = key;
    }
    this.#length = kept;
  }

  /** The different keys, in order. The builder is used up. @throws IdListFullError. */
  finish(): Float64Array {
    this.#compact();
    if (this.#length > idListMax) throw new IdListFullError();
    return this.#keys.subarray(0, this.#length);
  }
}

/** Whether keys are as `packKeys` writes them: in order, each once, in canonical Base64. */
export function idListKeysProblem(keys: string): string | undefined {
  if (keys.length % keyLength !== 0) return `has ${keys.length} characters; each key is ${keyLength} of them`;
  if (keys.length / keyLength > idListMax) return new IdListFullError().message;
  return /^[A-Za-z0-9+/]*$/.test(keys) ? undefined : 'has characters that are not Base64';
}

/** Keys of a stored list, in order. @throws IdListKeysError when they are not Base64. */
export function unpackKeys(keys: string): Float64Array {
  const problem = idListKeysProblem(keys);
  if (problem) throw new IdListKeysError(problem);
  const bytes = Buffer.from(keys, 'base64');
  const numbers = new Float64Array(bytes.length / keyBytes);
  for (let i = 0; i < numbers.length; i++) numbers[i] = bytes.readUIntBE(i * keyBytes, keyBytes);
  numbers.sort();
  return numbers.filter((key, i) => i === 0 || numbers[i - 1] !== key);
}

/** The wire form of sorted keys: the same ids have the same text, whatever order they came in. */
export function packKeys(keys: Float64Array): string {
  const bytes = Buffer.allocUnsafe(keys.length * keyBytes);
  keys.forEach((key, i) => {
    bytes.writeUIntBE(key, i * keyBytes, keyBytes);
  });
  return bytes.toString('base64');
}

/** A list with others' ids, or without them. */
export interface MergedIds {
  readonly keys: Float64Array;
  readonly added: number;
  readonly removed: number;
}

/** What to do with the ids that come. */
export type IdListChange = 'replace' | 'add' | 'remove';

/** Both sides in order, each key once. @throws IdListFullError. */
export function mergeIds(held: Float64Array, given: Float64Array, change: IdListChange): MergedIds {
  const both = countShared(held, given);
  const isFull = change === 'add' && held.length + given.length - both > idListMax;
  if (isFull) throw new IdListFullError();
  switch (change) {
    case 'replace':
      return { keys: given, added: given.length - both, removed: held.length - both };
    case 'add':
      return { keys: union(held, given, both), added: given.length - both, removed: 0 };
    case 'remove':
      return { keys: without(held, given, both), added: 0, removed: both };
  }
}

function countShared(left: Float64Array, right: Float64Array): number {
  let shared = 0;
  for (let i = 0, j = 0; i < left.length && j < right.length; ) {
    const difference = (left[i] ?? 0) - (right[j] ?? 0);
    if (difference === 0) shared++;
    if (difference <= 0) i++;
    if (difference >= 0) j++;
  }
  return shared;
}

function union(left: Float64Array, right: Float64Array, shared: number): Float64Array {
  const merged = new Float64Array(left.length + right.length - shared);
  for (let at = 0, i = 0, j = 0; at < merged.length; at++) {
    const one = left[i] ?? Number.POSITIVE_INFINITY;
    const other = right[j] ?? Number.POSITIVE_INFINITY;
    merged[at] = Math.min(one, other);
    if (one <= other) i++;
    if (other <= one) j++;
  }
  return merged;
}

function without(left: Float64Array, right: Float64Array, shared: number): Float64Array {
  const rest = new Float64Array(left.length - shared);
  let at = 0;
  let j = 0;
  for (const key of left) {
    while (j < right.length && (right[j] ?? 0) < key) j++;
    if (right[j] !== key) rest[at++] = key;
  }
  return rest;
}
