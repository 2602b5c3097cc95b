/**
 * One set of rules for protobuf's wire format, for all who read it by hand: what the check in front of
 * the log lets pass, the writer behind it can read. A field has a number from 1 and a wire type in
 * use; tags and lengths fit 32 bits, numbers 64; nothing reaches past the end of what it is in. Pure.
 */

/** The bytes are not what they should be. The message goes on where the name of a message or field ends. */
export class WireError extends Error {
  /** Where, from the innermost field outwards, for who gathers it. */
  readonly path: string[] = [];
}

export const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** A place in bytes, and the number read last. */
export class WireCursor<Bytes extends Uint8Array = Uint8Array> {
  readonly bytes: Bytes;
  protected at: number;
  /** Halves of the varint read last, unsigned. */
  protected low = 0;
  protected high = 0;

  constructor(bytes: Bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  /** @returns the field's number and wire type. @throws WireError */
  protected tag(end: number): number {
    this.varint(end);
    if (this.high !== 0) throw new WireError('has a tag of more than 32 bits');
    if (this.low >>> 3 === 0) throw new WireError('has a field with number 0');
    return this.low;
  }

  /** Reads a length; answers where the value ends. @throws WireError */
  protected length(end: number): number {
    this.varint(end);
    if (this.high !== 0 || this.at + this.low > end) throw new WireError('is cut short');
    return this.at + this.low;
  }

  /** Passes over a value. @throws WireError for groups, too, which nobody sends. */
  protected pass(wireType: number, end: number): void {
    if (wireType === wireTypes.varint) this.varint(end);
    else if (wireType === wireTypes.fixed64) this.advance(8, end);
    else if (wireType === wireTypes.bytes) this.at = this.length(end);
    else if (wireType === wireTypes.fixed32) this.advance(4, end);
    else throw new WireError(`has wire type ${wireType}, which is not in use`);
  }

  /** @throws WireError */
  protected advance(count: number, end: number): void {
    if (this.at + count > end) throw new WireError('is cut short');
    this.at += count;
  }

  /** Reads 64 bits at most into two unsigned halves. @throws WireError */
  protected varint(end: number): void {
    let low = 0;
    let high = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      if (this.at >= end) throw new WireError('is cut short');
      const byte = this.bytes[this.at++] ?? 0;
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
        this.low = low >>> 0;
        this.high = high >>> 0;
        return;
      }
    }
    throw new WireError('has a number of more than 64 bits');
  }
}
