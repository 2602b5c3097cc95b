/**
 * How many different units there were, in a few kilobytes: HyperLogLog with 4,096 registers. The
 * standard error is 1.04 / √4096 = 1.6 %; small numbers are told by counting empty registers, and
 * are exact for a handful. Sketches of parts merge into exactly the sketch of the whole. Most sketches
 * see a few units only, and there may be one for each name that anybody sends: those are a short list
 * rather than all registers. Pure.
 */

const bits = 12;
const registers = 1 << bits;
/** Bytes of a register that is not empty, in a sketch that has few of them. */
const entryBytes = 3;
const entriesMax = Math.floor(registers / entryBytes) - 1;

/** Registers of a sketch that is kept as a list. */
const listMax = 32;

/** Standard error of an estimate, as a part of it. */
export const standardError: number = 1.04 / Math.sqrt(registers);

export class HyperLogLog {
  /** Undefined while a list is enough. */
  #ranks: Uint8Array | undefined;
  /** Registers that are not empty, each with its rank in the lowest byte. */
  #list: number[] = [];

  /** Adds a unit by its hash. */
  add({ high, low }: Hash): void {
    const register = high >>> (32 - bits);
    // The rank counts the zeros that the rest of the hash begins with: 20 bits of one half, 32 of the other.
    const rest = (high << bits) >>> 0;
    const rank = rest === 0 ? 32 - bits + Math.clz32(low) + 1 : Math.clz32(rest) + 1;
    this.#raise(register, rank);
  }

  merge(sketch: HyperLogLog): void {
    sketch.#forEach((register, rank) => this.#raise(register, rank));
  }

  /** As Flajolet et al. have it; a hash of 64 bits needs no correction for large numbers. */
  count(): number {
    let empty = registers;
    let sum = registers;
    this.#forEach((_, rank) => {
      empty--;
      sum += 2 ** -rank - 1;
    });
    const estimate = ((0.7213 / (1 + 1.079 / registers)) * registers * registers) / sum;
    if (estimate <= 2.5 * registers && empty > 0) return Math.round(registers * Math.log(registers / empty));
    return Math.round(estimate);
  }

  /** Register and rank of those that are not empty, while that is shorter; else every rank. */
  encode(): Buffer {
    const used: number[] = [];
    this.#forEach((register, rank) => used.push(register * 256 + rank));
    if (this.#ranks && used.length > entriesMax) return Buffer.from(this.#ranks);
    used.sort((left, right) => left - right);
    const bytes = Buffer.alloc(used.length * entryBytes);
    for (const [at, entry] of used.entries()) bytes.writeUIntBE(entry, at * entryBytes, entryBytes);
    return bytes;
  }

  /** Adds what `encode` made. @throws RangeError for bytes that it did not make. */
  mergeEncoded(bytes: Uint8Array): void {
    if (bytes.length === registers) {
      for (let register = 0; register < registers; register++) this.#raise(register, bytes[register] ?? 0);
      return;
    }
    if (bytes.length % entryBytes !== 0) throw new RangeError(`${bytes.length} bytes are no sketch of unique units`);
    for (let at = 0; at < bytes.length; at += entryBytes) {
      const register = ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
      if (register >= registers) throw new RangeError(`register ${register} is none of a sketch's`);
      this.#raise(register, bytes[at + 2] ?? 0);
    }
  }

  #raise(register: number, rank: number): void {
    if (this.#ranks) {
      if (rank > (this.#ranks[register] ?? 0)) this.#ranks[register] = rank;
    } else if (rank > 0) this.#raiseListed(register, rank);
  }

  #raiseListed(register: number, rank: number): void {
    const entry = register * 256 + rank;
    const at = this.#list.findIndex((held) => held >> 8 === register);
    if (at >= 0) this.#list[at] = Math.max(this.#list[at] ?? 0, entry);
    else if (this.#list.length < listMax) this.#list.push(entry);
    else {
      this.#ranks = new Uint8Array(registers);
      for (const held of this.#list) this.#ranks[held >> 8] = held & 0xff;
      this.#ranks[register] = rank;
      this.#list = [];
    }
  }

  /** Of registers that are not empty. */
  #forEach(work: (register: number, rank: number) => void): void {
    for (const entry of this.#list) work(entry >> 8, entry & 0xff);
    if (!this.#ranks) return;
    for (let register = 0; register < registers; register++) {
      const rank = this.#ranks[register] ?? 0;
      if (rank > 0) work(register, rank);
    }
  }
}

/** 64 bits, as two halves. */
export interface Hash {
  high: number;
  low: number;
}

/** Hashes bytes: two halves of 32 bits, each mixed by multipliers of its own and finished as MurmurHash3 does. */
export function hashBytes(bytes: Uint8Array, from: number, to: number, into: Hash): void {
  let high = 0xdeadbeef ^ (to - from);
  let low = 0x41c6ce57 ^ (to - from);
  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0;
    high = Math.imul(high ^ byte, 0x9e3779b1);
    low = Math.imul(low ^ byte, 0x5f356495);
    high = (high << 13) | (high >>> 19);
    low = (low << 15) | (low >>> 17);
  }
  high = finish(high ^ (low >>> 3));
  into.low = finish(low ^ high);
  into.high = high;
}

function finish(value: number): number {
  let mixed = Math.imul(value ^ (value >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
