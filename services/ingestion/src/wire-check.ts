/**
 * A strict reader of the protobuf wire format. Generated decoders let through what they should not:
 * truncated strings, bad UTF-8, field number 0, numbers past the type. Here a message is walked
 * against a minimal description of its fields before anything decodes it; nothing is copied.
 */
import { isUtf8 } from 'node:buffer';

/** `int` fits a JavaScript number exactly; `uint` is also not negative; `int32` and `uint32` fit 32 bits. */
type Scalar = 'string' | 'double' | 'bool' | 'int' | 'uint' | 'int32' | 'uint32';

interface Field {
  readonly name: string;
  readonly type: Scalar | MessageSchema;
  /** Repeated, at most this often. */
  readonly max?: number;
  /** Who asks for spans gets one for each element. */
  readonly isSpan?: true;
}

/** The fields of a message by number. Fields that are not here are skipped, as newer senders may have them. */
export interface MessageSchema {
  readonly fields: Readonly<Record<number, Field>>;
  /** Fields of one choice: of several that are there, decoders keep the last. */
  readonly choice?: readonly number[];
}

/** Where an element lies, with its tag. */
export interface Span {
  readonly from: number;
  readonly to: number;
  /** Its fields are known, in order and there once, so that every reader sees the same in these bytes. */
  readonly isPlain: boolean;
  /** Elements of repeated fields inside: entries of maps, of which decoders merge those of one key. */
  readonly entries: number;
}

/** Where the bytes are wrong, as a path such as `events[3].user.custom_ids[0].key`, and how. */
export interface WireProblem {
  readonly field: string;
  readonly message: string;
}

const deepest = 32;
const varint = 0;
const fixed64 = 1;
const delimited = 2;
const fixed32 = 5;

class Fault extends Error {
  /** From the innermost field outwards. */
  readonly path: string[] = [];
}

/** The first thing wrong with `bytes` as a message of that schema. `spans` gets those of the schema's elements. */
export function checkWire(bytes: Uint8Array, schema: MessageSchema, spans?: Span[]): WireProblem | undefined {
  try {
    new Walker(bytes, spans).message(schema, bytes.length, 0);
    return undefined;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    return { field: error.path.reverse().join('.') || 'request', message: error.message };
  }
}

/** A cursor over the bytes; errors gather their path on the way out. */
class Walker {
  readonly #bytes: Uint8Array;
  readonly #spans: Span[] | undefined;
  #at = 0;
  /** Since the last span began. */
  #isPlain = true;
  #entries = 0;
  /** Halves of the varint read last. */
  #low = 0;
  #high = 0;

  constructor(bytes: Uint8Array, spans: Span[] | undefined) {
    this.#bytes = bytes;
    this.#spans = spans;
  }

  message(schema: MessageSchema, end: number, depth: number): void {
    if (depth > deepest) throw new Fault(`is nested more than ${deepest} levels deep`);
    let counts: Record<number, number> | undefined;
    let last = 0;
    let chosen = 0;
    while (this.#at < end) {
      const from = this.#at;
      const tag = this.#tag(end);
      const number = tag >>> 3;
      const field = schema.fields[number];
      if (!field || number < last || (number === last && field.max === undefined)) this.#isPlain = false;
      if (schema.choice?.includes(number) && ++chosen > 1) this.#isPlain = false;
      last = number;
      if (!field) {
        this.#located(`#${number}`, () => this.#skip(tag & 7, end));
        continue;
      }
      let index = 0;
      if (field.max !== undefined) {
        counts ??= {};
        index = counts[number] ?? 0;
        counts[number] = index + 1;
      }
      if (field.isSpan) {
        this.#isPlain = true;
        this.#entries = 0;
      } else if (field.max !== undefined) this.#entries++;
      this.#field(field, index, tag & 7, end, depth);
      if (field.isSpan) {
        this.#spans?.push({ from, to: this.#at, isPlain: this.#isPlain, entries: this.#entries });
      }
    }
  }

  #field(field: Field, index: number, wireType: number, end: number, depth: number): void {
    try {
      if (field.max !== undefined && index >= field.max) throw new Fault(`has more than ${field.max} elements`);
      this.#value(field, wireType, end, depth);
    } catch (error) {
      const isTooMany = field.max !== undefined && index >= field.max;
      if (error instanceof Fault) {
        error.path.push(field.max === undefined || isTooMany ? field.name : `${field.name}[${index}]`);
      }
      throw error;
    }
  }

  #value({ type }: Field, wireType: number, end: number, depth: number): void {
    if (typeof type !== 'string') {
      this.#expect(wireType, delimited);
      this.message(type, this.#length(end), depth + 1);
    } else if (type === 'string') {
      this.#expect(wireType, delimited);
      this.#text(this.#length(end));
    } else if (type === 'double') {
      this.#expect(wireType, fixed64);
      this.#advance(8, end);
    } else {
      this.#expect(wireType, varint);
      this.#varint(end);
      if (!fits(type, this.#low, this.#high)) throw new Fault('is out of range');
    }
  }

  #tag(end: number): number {
    this.#varint(end);
    if (this.#high !== 0) throw new Fault('has a tag of more than 32 bits');
    if (this.#low >>> 3 === 0) throw new Fault('has a field with number 0');
    return this.#low;
  }

  #expect(wireType: number, wanted: number): void {
    if (wireType !== wanted) throw new Fault(`has wire type ${wireType}, must be ${wanted}`);
  }

  #skip(wireType: number, end: number): void {
    if (wireType === varint) this.#varint(end);
    else if (wireType === fixed64) this.#advance(8, end);
    else if (wireType === delimited) this.#at = this.#length(end);
    else if (wireType === fixed32) this.#advance(4, end);
    else throw new Fault(`has wire type ${wireType}, which is not in use`);
  }

  #advance(count: number, end: number): void {
    if (this.#at + count > end) throw new Fault('is cut short');
    this.#at += count;
  }

  /** Reads a length; answers where the value ends. */
  #length(end: number): number {
    this.#varint(end);
    if (this.#high !== 0 || this.#at + this.#low > end) throw new Fault('is cut short');
    return this.#at + this.#low;
  }

  #text(end: number): void {
    const start = this.#at;
    this.#at = end;
    for (let at = start; at < end; at++) {
      // Ids and names are ASCII: only what is not pays for the native check.
      if ((this.#bytes[at] ?? 0) < 0x80) continue;
      if (!isUtf8(this.#bytes.subarray(at, end))) throw new Fault('is not valid UTF-8');
      return;
    }
  }

  /** Reads 64 bits at most into two unsigned halves. */
  #varint(end: number): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.#at >= end) throw new Fault('is cut short');
      const byte = this.#bytes[this.#at++] ?? 0;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high = bits >>> 4;
      } else if (shift < 63) high |= bits << (shift - 32);
      else {
        if (byte > 1) break;
        high |= byte << 31;
      }
      if (byte < 0x80) {
        this.#low = low >>> 0;
        this.#high = high >>> 0;
        return;
      }
    }
    throw new Fault('has a number of more than 64 bits');
  }

  #located(name: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (error instanceof Fault) error.path.push(name);
      throw error;
    }
  }
}

/** The high halves of 2^53 and of -2^53 in two's complement: between them a double is exact. */
const pastHighest = 0x20_0000;
const lowest = 0xffe0_0000;

function fits(type: Exclude<Scalar, 'string' | 'double'>, low: number, high: number): boolean {
  switch (type) {
    case 'bool':
      return true;
    case 'uint':
      return high < pastHighest;
    case 'int':
      return high < pastHighest || high > lowest || (high === lowest && low > 0);
    case 'uint32':
      return high === 0;
    case 'int32':
      return (high === 0 && low < 0x8000_0000) || (high === 0xffff_ffff && low >= 0x8000_0000);
    default: {
      const never: never = type;
      return never;
    }
  }
}
