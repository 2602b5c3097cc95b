/** Rows as PostgreSQL's binary COPY takes them; pure. Encoded once, however often they are sent. */

const signature = Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0', 'latin1');
const trailer = Buffer.from([0xff, 0xff]);

/** PostgreSQL counts from 2000-01-01. */
const epochMs = Date.UTC(2000, 0, 1);
const dayMs = 86_400_000;
/** Times that stay exact as microseconds. */
const timeMsMax = Number.MAX_SAFE_INTEGER / 1000;
const firstBytes = 64 * 1024;
const jsonbVersion = 1;

const quote = 0x22;
const backslash = 0x5c;

/** JSON's own words for characters that can't be in a string as they are. */
const escapeOf = (byte: number): string => JSON.stringify(String.fromCharCode(byte)).slice(1, -1);

/** A value that the column can't hold, whatever the server says. */
export class UnfitError extends Error {}

/** Writes tuples one behind the other, field by field in the order of the columns. */
export class TupleWriter {
  #bytes: Buffer;
  #at = 0;
  /** Ends of the tuples. */
  readonly #ends: number[] = [];
  #start = 0;
  #jsonAt = 0;

  constructor(bytes = firstBytes) {
    this.#bytes = Buffer.allocUnsafe(bytes);
  }

  /** Begins a tuple; one that was begun and not ended is forgotten. */
  begin(fieldCount: number): void {
    this.#at = this.#start;
    this.#room(2);
    this.#at = this.#bytes.writeInt16BE(fieldCount, this.#at);
  }

  end(): void {
    this.#ends.push(this.#at);
    this.#start = this.#at;
  }

  nothing(): void {
    this.#room(4);
    this.#at = this.#bytes.writeInt32BE(-1, this.#at);
  }

  text(value: string | null): void {
    if (value === null) {
      this.nothing();
      return;
    }
    this.#room(4 + 3 * value.length);
    const bytes = this.#bytes.write(value, this.#at + 4);
    this.#bytes.writeInt32BE(bytes, this.#at);
    this.#at += 4 + bytes;
  }

  /** Bytes of UTF-8, as they are: PostgreSQL checks them. */
  utf8(from: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.#room(4 + length);
    this.#at = this.#bytes.writeInt32BE(length, this.#at);
    this.#copy(from, start, end);
  }

  /** JSON text in bytes of UTF-8. */
  jsonUtf8(from: Uint8Array, start: number, end: number): void {
    const length = end - start;
    this.#room(5 + length);
    this.#at = this.#bytes.writeInt32BE(length + 1, this.#at);
    this.#bytes[this.#at++] = jsonbVersion;
    this.#copy(from, start, end);
  }

  json(text: string | null): void {
    if (text === null) {
      this.nothing();
      return;
    }
    this.#room(5 + 3 * text.length);
    const bytes = this.#bytes.write(text, this.#at + 5);
    this.#bytes.writeInt32BE(bytes + 1, this.#at);
    this.#bytes[this.#at + 4] = jsonbVersion;
    this.#at += 5 + bytes;
  }

  bool(value: boolean): void {
    this.#room(5);
    this.#at = this.#bytes.writeInt32BE(1, this.#at);
    this.#at = this.#bytes.writeUInt8(value ? 1 : 0, this.#at);
  }

  /** @throws UnfitError for what does not fit. */
  int2(value: number): void {
    if ((value << 16) >> 16 !== value) throw new UnfitError(`${value} is not a whole number of 16 bits`);
    this.#room(6);
    this.#at = this.#bytes.writeInt32BE(2, this.#at);
    this.#at = this.#bytes.writeInt16BE(value, this.#at);
  }

  /** Begins JSON that is written piece by piece, by `ascii` and `quoted`, until `endJson`. */
  beginJson(): void {
    this.#room(5);
    this.#jsonAt = this.#at;
    this.#at += 5;
  }

  endJson(): void {
    this.#bytes.writeInt32BE(this.#at - this.#jsonAt - 4, this.#jsonAt);
    this.#bytes[this.#jsonAt + 4] = jsonbVersion;
  }

  /** A piece of JSON in plain characters. */
  ascii(text: string): void {
    this.#room(text.length);
    for (let place = 0; place < text.length; place++) this.#bytes[this.#at++] = text.charCodeAt(place);
  }

  /** UTF-8 as a string of JSON, escaped as `JSON.stringify` does. */
  quoted(from: Uint8Array, start: number, end: number): void {
    // A byte becomes six at most.
    this.#room(2 + 6 * (end - start));
    const bytes = this.#bytes;
    let at = this.#at;
    bytes[at++] = quote;
    for (let place = start; place < end; place++) {
      const byte = from[place] ?? 0;
      if (byte >= 32 && byte !== quote && byte !== backslash) bytes[at++] = byte;
      else at += bytes.write(escapeOf(byte), at, 'latin1');
    }
    bytes[at++] = quote;
    this.#at = at;
  }

  float8(value: number | null): void {
    if (value === null) {
      this.nothing();
      return;
    }
    this.#room(12);
    this.#bytes.writeInt32BE(8, this.#at);
    this.#at = this.#bytes.writeDoubleBE(value, this.#at + 4);
  }

  /** @throws UnfitError for what is no safe integer. */
  int8(value: number): void {
    if (!Number.isSafeInteger(value)) throw new UnfitError(`${value} is not a whole number that can be kept exactly`);
    this.#room(12);
    this.#bytes.writeInt32BE(8, this.#at);
    this.#int64(value);
  }

  /** Unix milliseconds. @throws UnfitError for times that can't be exact. */
  timestamptz(timeMs: number): void {
    const sinceMs = timeMs - epochMs;
    if (!Number.isSafeInteger(timeMs) || Math.abs(sinceMs) > timeMsMax) {
      throw new UnfitError(`${timeMs} is not a time in Unix milliseconds`);
    }
    this.int8(sinceMs * 1000);
  }

  /** A day such as 2026-11-22. */
  date(day: string): void {
    this.#room(8);
    this.#bytes.writeInt32BE(4, this.#at);
    this.#at = this.#bytes.writeInt32BE((Date.parse(day) - epochMs) / dayMs, this.#at + 4);
  }

  /** @throws UnfitError for what is no UUID. */
  uuid(id: string): void {
    const text = Buffer.from(id);
    this.uuidText(text, 0, text.length);
  }

  /** The text of a UUID in bytes. @throws UnfitError for what is none. */
  uuidText(from: Buffer, start: number, end: number): void {
    this.#room(20);
    this.#bytes.writeInt32BE(16, this.#at);
    if (end - start !== 36 || !writeUuid(from, start, this.#bytes, this.#at + 4)) {
      throw new UnfitError(`${JSON.stringify(from.toString('utf8', start, Math.min(end, start + 64)))} is not a UUID`);
    }
    this.#at += 20;
  }

  /** Fields that were encoded before, such as those that all rows of a message share. */
  raw(fields: Uint8Array): void {
    this.#room(fields.length);
    this.#bytes.set(fields, this.#at);
    this.#at += fields.length;
  }

  /** What was written; the writer must not be used after. */
  finish(): Tuples {
    return new Tuples(this.#bytes.subarray(0, this.#start), this.#ends);
  }

  /** The bytes since `begin`, without the count of fields: for `raw`. */
  fields(): Buffer {
    return Buffer.from(this.#bytes.subarray(this.#start + 2, this.#at));
  }

  /** A call costs more than a few bytes do. */
  #copy(from: Uint8Array, start: number, end: number): void {
    if (end - start > 48) {
      this.#bytes.set(from.subarray(start, end), this.#at);
      this.#at += end - start;
      return;
    }
    const bytes = this.#bytes;
    let at = this.#at;
    for (let place = start; place < end; place++) bytes[at++] = from[place] ?? 0;
    this.#at = at;
  }

  #int64(value: number): void {
    const high = Math.floor(value / 0x1_0000_0000);
    this.#bytes.writeInt32BE(high, this.#at + 4);
    this.#at = this.#bytes.writeUInt32BE(value - high * 0x1_0000_0000, this.#at + 8);
  }

  #room(bytes: number): void {
    if (this.#at + bytes <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#at + bytes));
    this.#bytes.copy(grown, 0, 0, this.#at);
    this.#bytes = grown;
  }
}

/** Encoded tuples that can be sent all together or one by one. */
export class Tuples {
  readonly #bytes: Buffer;
  readonly #ends: readonly number[];

  constructor(bytes: Buffer, ends: readonly number[]) {
    this.#bytes = bytes;
    this.#ends = ends;
  }

  get count(): number {
    return this.#ends.length;
  }

  all(): Buffer {
    return this.#bytes;
  }

  /** @throws RangeError for a place where there is none. */
  at(place: number): Buffer {
    const end = this.#ends[place];
    if (end === undefined) throw new RangeError(`there is no tuple ${place}`);
    return this.#bytes.subarray(place === 0 ? 0 : this.#ends[place - 1], end);
  }
}

/** Chunks of about this size: frames and system calls cost nothing then. */
const chunkBytes = 256 * 1024;

/** The bytes of a whole COPY, in chunks of a good size. */
export function* copyOf(tuples: Iterable<Uint8Array>): Generator<Buffer> {
  let gathered: Uint8Array[] = [signature];
  let bytes = signature.length;
  for (const tuple of tuples) {
    gathered.push(tuple);
    bytes += tuple.length;
    if (bytes < chunkBytes) continue;
    yield Buffer.concat(gathered, bytes);
    gathered = [];
    bytes = 0;
  }
  gathered.push(trailer);
  yield Buffer.concat(gathered);
}

/** Values of hexadecimal digits by character code; 16 for every other character. */
const digits = Uint8Array.from({ length: 256 }, (_, code) => {
  const value = '0123456789abcdef'.indexOf(String.fromCharCode(code).toLowerCase());
  return value < 0 ? 16 : value;
});
const dashes = [8, 13, 18, 23];
/** Where the two digits of each byte begin. */
const bytePlaces = Uint8Array.of(0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34);

function writeUuid(from: Uint8Array, start: number, to: Uint8Array, at: number): boolean {
  for (const dash of dashes) if (from[start + dash] !== 45) return false;
  for (let byte = 0; byte < 16; byte++) {
    const place = start + (bytePlaces[byte] ?? 0);
    const high = digits[from[place] ?? 0] ?? 16;
    const low = digits[from[place + 1] ?? 0] ?? 16;
    if ((high | low) > 15) return false;
    to[at + byte] = (high << 4) | low;
  }
  return true;
}
