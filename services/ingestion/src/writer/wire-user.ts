/** The user of an event, from the wire into its columns: ids, and everything else that may be stored. Pure. */
import { Value } from '@sluice/proto';
import { hashBytes } from '../usage/hyperloglog.js';
import { WireReader } from '../wire/wire-reader.js';
import type { TupleWriter } from './copy-tuples.js';

/** Fields of sluice.ruleset.v1.User. */
const fields = { userId: 1, customIds: 2, custom: 9, environment: 11 } as const;

/** Texts that become attributes of the same order, by field number. */
const texts: readonly (readonly [number, string])[] = [
  [3, '"email":'],
  [4, '"ip":'],
  [5, '"userAgent":'],
  [6, '"country":'],
  [7, '"locale":'],
  [8, '"appVersion":'],
];
const textFrom = 3;
const textTo = 8;

/** A user on the wire, looked through once; reused from event to event. */
export class WireUser {
  #bytes: Buffer = Buffer.alloc(0);
  /** Pairs of places: begin and end. */
  readonly #texts = new Int32Array(2 * (textTo + 1));
  #userFrom = 0;
  #userTo = 0;
  readonly #customIds: number[] = [];
  readonly #custom: number[] = [];
  readonly #environment: number[] = [];
  #isAnyText = false;

  clear(): void {
    this.#userFrom = 0;
    this.#userTo = 0;
    if (this.#isAnyText) this.#texts.fill(0);
    this.#isAnyText = false;
    this.#customIds.length = 0;
    this.#custom.length = 0;
    this.#environment.length = 0;
  }

  /** @throws WireError */
  read(bytes: Buffer, from: number, to: number): void {
    this.clear();
    this.#bytes = bytes;
    const reader = new WireReader(bytes, from, to);
    while (reader.next()) {
      if (reader.isBytes(fields.userId)) {
        this.#userFrom = reader.from;
        this.#userTo = reader.to;
      } else if (reader.isBytes(fields.customIds)) this.#customIds.push(reader.from, reader.to);
      else if (reader.isBytes(fields.custom)) this.#custom.push(reader.from, reader.to);
      else if (reader.isBytes(fields.environment)) this.#environment.push(reader.from, reader.to);
      else if (reader.field >= textFrom && reader.field <= textTo && reader.isBytes(reader.field)) {
        this.#texts[2 * reader.field] = reader.from;
        this.#texts[2 * reader.field + 1] = reader.to;
        this.#isAnyText = true;
      } else reader.skip();
    }
  }

  /** Writes the columns user_id, custom_ids and attributes. @throws WireError */
  write(writer: TupleWriter): void {
    if (this.#userTo > this.#userFrom) writer.utf8(this.#bytes, this.#userFrom, this.#userTo);
    else writer.nothing();
    if (this.#customIds.length === 0) writer.nothing();
    else {
      writer.beginJson();
      this.#writeMap(writer, this.#customIds, (entry) => writer.quoted(this.#bytes, entry.valueFrom, entry.valueTo));
      writer.endJson();
    }
    this.#writeAttributes(writer);
  }

  /** A hash of what counts as the unit: the user id, or else the custom ids. @returns false for nobody. */
  hash(into: { high: number; low: number }): boolean {
    if (this.#userTo > this.#userFrom) {
      hashBytes(this.#bytes, this.#userFrom, this.#userTo, into);
      return true;
    }
    if (this.#customIds.length === 0) return false;
    // The order on the wire means nothing: entries are hashed one by one and added up.
    let high = 0;
    let low = 0;
    for (let at = 0; at < this.#customIds.length; at += 2) {
      hashBytes(this.#bytes, this.#customIds[at] ?? 0, this.#customIds[at + 1] ?? 0, into);
      high = (high + into.high) >>> 0;
      low = (low + into.low) >>> 0;
    }
    into.high = high;
    into.low = low;
    return true;
  }

  /** A text may be there and empty: then it counts as absent. */
  #hasText(): boolean {
    return this.#isAnyText && texts.some(([field]) => this.#texts[2 * field] !== this.#texts[2 * field + 1]);
  }

  #writeAttributes(writer: TupleWriter): void {
    if (!this.#hasText() && this.#custom.length === 0 && this.#environment.length === 0) {
      writer.nothing();
      return;
    }
    writer.beginJson();
    let before = '{';
    for (const [field, name] of texts) {
      const from = this.#texts[2 * field] ?? 0;
      const to = this.#texts[2 * field + 1] ?? 0;
      if (to === from) continue;
      writer.ascii(before);
      writer.ascii(name);
      writer.quoted(this.#bytes, from, to);
      before = ',';
    }
    if (this.#environment.length > 0) {
      writer.ascii(`${before}"statsigEnvironment":`);
      this.#writeMap(writer, this.#environment, (entry) => writer.quoted(this.#bytes, entry.valueFrom, entry.valueTo));
      before = ',';
    }
    if (this.#custom.length > 0) {
      writer.ascii(`${before}"custom":`);
      this.#writeMap(writer, this.#custom, (entry) => this.#writeValue(writer, entry));
      before = ',';
    }
    writer.ascii(before === '{' ? '{}' : '}');
    writer.endJson();
  }

  #writeMap(writer: TupleWriter, ranges: readonly number[], writeValue: (entry: Entry) => void): void {
    for (let at = 0; at < ranges.length; at += 2) {
      writer.ascii(at === 0 ? '{' : ',');
      const entry = entryOf(this.#bytes, ranges[at] ?? 0, ranges[at + 1] ?? 0);
      writer.quoted(this.#bytes, entry.keyFrom, entry.keyTo);
      writer.ascii(':');
      writeValue(entry);
    }
    writer.ascii('}');
  }

  /** Rarer than ids, and of many kinds: decoded. @throws Error for JSON that is none */
  #writeValue(writer: TupleWriter, { valueFrom, valueTo }: Entry): void {
    const { kind } = Value.decode(this.#bytes.subarray(valueFrom, valueTo));
    const plain = kind?.$case === 'json' ? JSON.parse(kind.value) : (kind?.value ?? null);
    const text = Buffer.from(JSON.stringify(plain));
    writer.raw(text);
  }
}

interface Entry {
  readonly keyFrom: number;
  readonly keyTo: number;
  readonly valueFrom: number;
  readonly valueTo: number;
}

function entryOf(bytes: Buffer, from: number, to: number): Entry {
  const reader = new WireReader(bytes, from, to);
  const entry = { keyFrom: 0, keyTo: 0, valueFrom: 0, valueTo: 0 };
  while (reader.next()) {
    if (reader.isBytes(1)) {
      entry.keyFrom = reader.from;
      entry.keyTo = reader.to;
    } else if (reader.isBytes(2)) {
      entry.valueFrom = reader.from;
      entry.valueTo = reader.to;
    } else reader.skip();
  }
  return entry;
}
