/** Reads protobuf's wire format in place: no object and no text is made for what is only passed on. Pure. */
import { WireCursor, wireTypes } from './wire-cursor.js';

/** A part of a message: where it begins, and where it ends. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/** A field of bytes: where it begins with its tag, too. */
export interface FieldRange extends Range {
  readonly fieldFrom: number;
}

/** Walks through the fields of one message. */
export class WireReader extends WireCursor<Buffer> {
  readonly #end: number;
  /** Number of the field that `next` went to. */
  field = 0;
  /** Its wire type. */
  type = 0;
  /** Where its tag begins. */
  fieldFrom = 0;
  /** Where a field of bytes begins and ends, once `range` was called. */
  from = 0;
  to = 0;

  constructor(bytes: Buffer, from = 0, to: number = bytes.length) {
    super(bytes, from);
    this.#end = to;
  }

  /** Goes to the next field; false at the end. Each field must be read or skipped. @throws WireError */
  next(): boolean {
    if (this.at >= this.#end) return false;
    this.fieldFrom = this.at;
    const tag = this.tag(this.#end);
    this.field = tag >>> 3;
    this.type = tag & 7;
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
    this.to = this.length(this.#end);
    this.from = this.at;
    this.at = this.to;
  }

  /** A signed number of 64 bits; inexact beyond 53. @throws WireError */
  int64(): number {
    this.varint(this.#end);
    return (this.high | 0) * 0x1_0000_0000 + this.low;
  }

  /** @throws WireError */
  double(): number {
    const from = this.at;
    this.advance(8, this.#end);
    return this.bytes.readDoubleLE(from);
  }

  /** Passes over the field. @throws WireError */
  skip(): void {
    this.pass(this.type, this.#end);
  }

  /** Whether packed numbers are left; for readers of one packed field. */
  get isAtEnd(): boolean {
    return this.at >= this.#end;
  }
}
