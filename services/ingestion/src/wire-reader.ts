/** Reads protobuf's wire format in place: no object and no text is made for what is only passed on. Pure. */

/** The bytes are not what they should be. */
export class WireError extends Error {}

export const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** A part of a message: where it begins, and where it ends. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** Walks through the fields of one message. */
export class WireReader {
  readonly bytes: Buffer;
  #at: number;
  readonly #end: number;
  /** Number of the field that `next` went to. */
  field = 0;
  /** Its wire type. */
  type = 0;
  /** Where a field of bytes begins and ends, once `range` was called. */
  from = 0;
  to = 0;

  constructor(bytes: Buffer, from = 0, to: number = bytes.length) {
    this.bytes = bytes;
    this.#at = from;
    this.#end = to;
  }

  /** Goes to the next field; false at the end. Each field must be read or skipped. @throws WireError */
  next(): boolean {
    if (this.#at >= this.#end) return false;
    const tag = this.#uint();
    this.field = Math.floor(tag / 8);
    this.type = tag & 7;
    if (this.field === 0) throw new WireError('a field has the number 0');
    return true;
  }

  /** Whether this is the field, with bytes in it; then `from` and `to` say where. @throws WireError */
  isBytes(field: number): boolean {
    if (this.field !== field || this.type !== wireTypes.bytes) return false;
    this.range();
    return true;
  }

  /** @throws WireError when the bytes end before the field does. */
  range(): void {
    const length = this.#uint();
    this.from = this.#at;
    this.to = this.#at + length;
    if (this.to > this.#end) throw new WireError('a field reaches past the end');
    this.#at = this.to;
  }

  /** A signed number of 64 bits; inexact beyond 53. @throws WireError */
  int64(): number {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#byte();
      const part = byte & 0x7f;
      if (shift < 28) low |= part << shift;
      else if (shift === 28) {
        low |= part << 28;
        high |= part >>> 4;
      } else high |= part << (shift - 32);
      if (byte < 0x80) return (high | 0) * 0x1_0000_0000 + (low >>> 0);
    }
    throw new WireError('a number does not end');
  }

  /** @throws WireError */
  double(): number {
    const at = this.#at;
    this.#at += 8;
    if (this.#at > this.#end) throw new WireError('a number reaches past the end');
    return this.bytes.readDoubleLE(at);
  }

  /** Passes over the field. @throws WireError for groups, which nobody sends. */
  skip(): void {
    const { type } = this;
    if (type === wireTypes.varint) while (this.#byte() >= 0x80);
    else if (type === wireTypes.bytes) this.range();
    else if (type === wireTypes.fixed64) this.#at += 8;
    else if (type === wireTypes.fixed32) this.#at += 4;
    else throw new WireError(`a field has the wire type ${type}`);
    if (this.#at > this.#end) throw new WireError('a field reaches past the end');
  }

  /** Whether packed numbers are left; for readers of one packed field. */
  get isAtEnd(): boolean {
    return this.#at >= this.#end;
  }

  #byte(): number {
    if (this.#at >= this.#end) throw new WireError('a number reaches past the end');
    return this.bytes[this.#at++] ?? 0;
  }

  /** A number that counts bytes or names a field: 32 bits. */
  #uint(): number {
    let value = this.#byte();
    if (value < 0x80) return value;
    value &= 0x7f;
    for (let shift = 7; shift < 35; shift += 7) {
      const byte = this.#byte();
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
    throw new WireError('a length does not end');
  }
}
