/**
 * A strict reader of the protobuf wire format. Generated decoders let through what they should not:
 * truncated strings, bad UTF-8, field number 0, numbers past the type. Here a message is walked
 * against a minimal description of its fields before anything decodes it; nothing is copied.
 * On the same walk it finds the elements that are sound beyond doubt, so that nothing needs to decode
 * them at all. Doubt costs time, never a verdict: what is in doubt is decoded and judged.
 */
import { isUtf8 } from 'node:buffer';
import { DistinctKeys } from './distinct-keys.js';
import { WireCursor, WireError, wireTypes } from './wire-cursor.js';
import type { Field, MessageSchema, Scalar } from './wire-fields.js';

/** Where an element lies, with its tag, and what is known of it. */
export interface Span {
  readonly from: number;
  /** Behind its tag and length. */
  readonly contentFrom: number;
  readonly to: number;
  /** Its fields are known, in order and there once, so that every reader sees the same in these bytes. */
  readonly isPlain: boolean;
  /** Elements of repeated fields inside: entries of maps, of which decoders merge those of one key. */
  readonly entries: number;
  /** Plain, and nothing in it is in doubt: it may be taken as it is. Then what was noted counts: */
  readonly isSound: boolean;
  /** What it has too much of, and what to do: it is to be refused, undecoded. The request's other elements are not. */
  readonly excess: string | undefined;
  readonly idFrom: number;
  readonly timeMs: number;
  /** 0: there is none. */
  readonly traceFrom: number;
}

/** Where the bytes are wrong, as a path such as `events[3].user.custom_ids[0].key`, and how. */
export interface WireProblem {
  readonly field: string;
  readonly message: string;
}

const deepest = 32;
/** Of a tag or length. Decoders differ in what they make of longer ones, so nobody gets to see any. */
const prefixBytesMax = 5;

/** The first thing wrong with `bytes` as a message of that schema. `spans` gets those of the schema's elements. */
export function checkWire(bytes: Uint8Array, schema: MessageSchema, spans?: Span[]): WireProblem | undefined {
  try {
    new Walker(bytes, spans).message(schema, bytes.length, 0);
    return undefined;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { field: error.path.reverse().join('.') || 'request', message: error.message };
  }
}

/** Keys that begin so may mean something to JavaScript's objects. */
const underscore = 0x5f;
/** The exponent's bits of doubles below 1e295: finite, and sums of many are, too. */
const exponentMax = 2_000;

/** A cursor over the bytes; errors gather their path on the way out. */
class Walker extends WireCursor {
  readonly #spans: Span[] | undefined;
  /** Since the last span began: */
  #isPlain = true;
  #isInDoubt = false;
  #entries = 0;
  #excess: string | undefined;
  #idFrom = 0;
  #timeMs = 0;
  #traceFrom = 0;
  /** Where the message that was read last begins, behind its length. */
  #contentFrom = 0;
  /** Of the map that is being read. */
  readonly #keys: DistinctKeys;

  constructor(bytes: Uint8Array, spans: Span[] | undefined) {
    super(bytes);
    this.#spans = spans;
    this.#keys = new DistinctKeys(bytes);
  }

  message(schema: MessageSchema, end: number, depth: number): void {
    if (depth > deepest) throw new WireError(`is nested more than ${deepest} levels deep`);
    let counts: Record<number, number> | undefined;
    let last = 0;
    let seen = 0;
    while (this.at < end) {
      const from = this.at;
      const tag = this.tag(end);
      const number = tag >>> 3;
      const field = schema.fields[number];
      if (!field) {
        this.#isPlain = false;
        last = number;
        this.#located(`#${number}`, () => this.pass(tag & 7, end));
        continue;
      }
      if (number < last || (number === last && field.max === 0)) this.#isPlain = false;
      let index = 0;
      if (field.max !== 0) {
        counts ??= {};
        index = counts[number] ?? 0;
        counts[number] = index + 1;
        if (number !== last) this.#keys.clear();
      }
      seen |= 1 << number;
      last = number;
      if (field.isSpan) this.#beginSpan();
      else if (field.max !== 0) this.#entries++;
      this.#field(field, index, tag & 7, end, depth);
      if (field.isSpan) this.#endSpan(from);
    }
    this.#weighFields(schema, seen);
  }

  #weighFields({ choice, needed }: MessageSchema, seen: number): void {
    const chosen = seen & choice;
    if ((chosen & (chosen - 1)) !== 0) this.#isPlain = false;
    if ((seen & needed) !== needed) this.#isInDoubt = true;
  }

  #beginSpan(): void {
    this.#isPlain = true;
    this.#isInDoubt = false;
    this.#entries = 0;
    this.#excess = undefined;
    this.#traceFrom = 0;
  }

  #endSpan(from: number): void {
    this.#spans?.push({
      from,
      contentFrom: this.#contentFrom,
      to: this.at,
      isPlain: this.#isPlain,
      entries: this.#entries,
      isSound: this.#isPlain && !this.#isInDoubt,
      excess: this.#excess,
      idFrom: this.#idFrom,
      timeMs: this.#timeMs,
      traceFrom: this.#traceFrom,
    });
  }

  #field(field: Field, index: number, wireType: number, end: number, depth: number): void {
    try {
      if (field.max !== 0 && index >= field.max) this.#exceed(field);
      this.#value(field, wireType, end, depth);
    } catch (error) {
      const isTooMany = field.max !== 0 && index >= field.max;
      if (error instanceof WireError) {
        error.path.push(field.max === 0 || isTooMany ? field.name : `${field.name}[${index}]`);
      }
      throw error;
    }
  }

  /** One element of a request costs itself, never its neighbours. */
  #exceed({ max, excess }: Field): void {
    if (excess === undefined) throw new WireError(`has more than ${max} elements`);
    this.#excess ??= excess;
    this.#isInDoubt = true;
  }

  #value(field: Field, wireType: number, end: number, depth: number): void {
    const { scalar, message } = field;
    if (message) {
      this.#expect(wireType, wireTypes.bytes);
      const to = this.length(end);
      const from = this.at;
      if (to - from > field.bytesMax) this.#isInDoubt = true;
      this.message(message, to, depth + 1);
      this.#contentFrom = from;
    } else if (scalar === 'string') {
      this.#expect(wireType, wireTypes.bytes);
      this.#text(field, this.length(end));
    } else if (scalar === 'double') {
      this.#expect(wireType, wireTypes.fixed64);
      this.advance(8, end);
      this.#weighDouble();
    } else {
      this.#expect(wireType, wireTypes.varint);
      this.varint(end);
      if (!fits(scalar, this.low, this.high)) throw new WireError('is out of range');
      this.#weighNumber(field);
    }
  }

  #weighDouble(): void {
    const high = this.bytes[this.at - 1] ?? 0;
    const exponent = ((high & 0x7f) << 4) | ((this.bytes[this.at - 2] ?? 0) >> 4);
    if (exponent > exponentMax) this.#isInDoubt = true;
  }

  #weighNumber({ numberMax, note }: Field): void {
    if (note === 'time') this.#timeMs = (this.high | 0) * 0x1_0000_0000 + this.low;
    if (numberMax === 0) return;
    if (this.high !== 0 || this.low === 0 || this.low > numberMax) this.#isInDoubt = true;
  }

  #expect(wireType: number, wanted: number): void {
    if (wireType !== wanted) throw new WireError(`has wire type ${wireType}, must be ${wanted}`);
  }

  protected override tag(end: number): number {
    const from = this.at;
    const tag = super.tag(end);
    if (this.at - from > prefixBytesMax) throw new WireError(`has a tag of more than ${prefixBytesMax} bytes`);
    return tag;
  }

  protected override length(end: number): number {
    const from = this.at;
    const to = super.length(end);
    if (this.at - from > prefixBytesMax) throw new WireError(`has a length of more than ${prefixBytesMax} bytes`);
    return to;
  }

  #text(field: Field, end: number): void {
    const from = this.at;
    this.at = end;
    if (!this.#isAscii(from, end) || end === from || end - from > field.bytesMax) this.#isInDoubt = true;
    else if (field.isSound && !field.isSound(this.bytes, from, end)) this.#isInDoubt = true;
    else if (field.isKey && (this.bytes[from] === underscore || !this.#keys.add(from, end))) this.#isInDoubt = true;
    if (field.note === 'id') this.#idFrom = from;
    else if (field.note === 'trace') this.#traceFrom = from;
  }

  /** @returns whether it has no other character, and no NUL. */
  #isAscii(from: number, end: number): boolean {
    for (let at = from; at < end; at++) {
      const byte = this.bytes[at] ?? 0;
      if (byte !== 0 && byte < 0x80) continue;
      // Ids and names are ASCII: only what is not pays for the native check.
      if (!isUtf8(this.bytes.subarray(at, end))) throw new WireError('is not valid UTF-8');
      return false;
    }
    return true;
  }

  #located(name: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      if (error instanceof WireError) error.path.push(name);
      throw error;
    }
  }
}

/** The high halves of 2^53 and of -2^53 in two's complement: between them a double is exact. */
const pastHighest = 0x20_0000;
const lowest = 0xffe0_0000;

function fits(type: Scalar | undefined, low: number, high: number): boolean {
  switch (type) {
    case 'uint':
      return high < pastHighest;
    case 'int':
      return high < pastHighest || high > lowest || (high === lowest && low > 0);
    case 'uint32':
      return high === 0;
    case 'int32':
      return (high === 0 && low < 0x8000_0000) || (high === 0xffff_ffff && low >= 0x8000_0000);
    default:
      return true;
  }
}
