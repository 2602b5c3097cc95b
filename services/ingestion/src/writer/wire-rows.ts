/**
 * From the log's messages to the store's rows, without a decoder between: what PostgreSQL gets is
 * mostly what the wire has, so it is copied from one to the other. Three times the speed of decoding
 * into objects and encoding those. Pure.
 */
import { Exposure, Receipt, SetRef } from '@sluice/proto';
import { setNamePattern } from '../limits.js';
import { WireError, wireTypes } from '../wire/wire-cursor.js';
import { type FieldRange, type Range, WireReader } from '../wire/wire-reader.js';
import { type Tuples, TupleWriter, UnfitError } from './copy-tuples.js';
import { textOfError } from './data-fault.js';
import { eventColumns } from './event-columns.js';
import { dayless, dayOf, type EventRow, isDayKnown, type MessageSource } from './rows.js';
import { WireUser } from './wire-user.js';

/** A row that can't be stored, and why. */
export interface Unfit {
  readonly row: EventRow;
  readonly reason: string;
}

/** What a message of the log holds. */
export interface WireBatch {
  readonly project: string;
  readonly environment: string;
  readonly region: string;
  readonly instance: string;
  readonly receivedAtMs: number;
  /** Rows that could be encoded, in the order of their tuples. */
  readonly rows: readonly EventRow[];
  readonly tuples: Tuples;
  readonly unfit: readonly Unfit[];
  readonly receipts: readonly Receipt[];
}

/**
 * What is wrong inside of an event makes that event one that can't be stored, and no other.
 * @throws Error when the bytes are no `EventBatch`, or what all of its events share can't be stored.
 */
export function rowsOfWire(data: Uint8Array, source: MessageSource): WireBatch {
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  const head = readBatch(bytes);
  const { project, environment } = requireSound(head);
  const from = { project, environment, region: head.region, instance: head.instance, receivedAtMs: head.receivedAtMs };
  const transcoder = new Transcoder(bytes, from, source);
  const unfit: Unfit[] = [];
  const rows: EventRow[] = [];
  for (const [at, range] of head.events.entries()) {
    const skewMs = head.skewsMs[at] ?? 0;
    try {
      rows.push(transcoder.add(range, skewMs));
    } catch (error) {
      unfit.push({ row: transcoder.plainRow(range, skewMs), reason: reasonOf(error) });
    }
  }
  return { ...from, rows, tuples: transcoder.finish(), unfit, receipts: head.receipts };
}

function reasonOf(error: unknown): string {
  return error instanceof WireError ? `the event ${error.message}` : textOfError(error);
}

/** One row of the books for each message has these: PostgreSQL must not be the one to find out. */
function requireSound({ set, instance, region, receivedAtMs }: Head): SetRef {
  if (!set || !setNamePattern.test(set.project) || !setNamePattern.test(set.environment)) {
    throw new WireError('names no set');
  }
  for (const [field, text] of Object.entries({ instance, region })) {
    if (text.length > originCharactersMax || text.includes('\0')) throw new WireError(`names no ${field}`);
  }
  if (receivedAtMs < 0 || receivedAtMs >= receivedBeforeMs)
    throw new WireError(`was received at ${receivedAtMs}, which is no time`);
  return set;
}

/** PostgreSQL's own limit is far beyond. */
const receivedBeforeMs = Date.UTC(2100, 0, 1);
/** Of an instance or region. */
const originCharactersMax = 256;

interface Head {
  set: SetRef | undefined;
  receivedAtMs: number;
  instance: string;
  region: string;
  readonly events: FieldRange[];
  readonly skewsMs: number[];
  readonly receipts: Receipt[];
}

/** Fields of EventBatch. */
const batchFields = { set: 1, events: 2, receivedAtMs: 3, instance: 4, region: 5, skewsMs: 6, receipts: 7 } as const;

function readBatch(bytes: Buffer): Head {
  const head: Head = {
    set: undefined,
    receivedAtMs: 0,
    instance: '',
    region: '',
    events: [],
    skewsMs: [],
    receipts: [],
  };
  const reader = new WireReader(bytes);
  while (reader.next()) {
    if (reader.isBytes(batchFields.events)) {
      head.events.push({ fieldFrom: reader.fieldFrom, from: reader.from, to: reader.to });
    } else if (reader.isBytes(batchFields.skewsMs)) readPacked(bytes, reader.from, reader.to, head.skewsMs);
    else if (reader.isBytes(batchFields.set)) head.set = SetRef.decode(bytes.subarray(reader.from, reader.to));
    else if (reader.isBytes(batchFields.instance)) head.instance = bytes.toString('utf8', reader.from, reader.to);
    else if (reader.isBytes(batchFields.region)) head.region = bytes.toString('utf8', reader.from, reader.to);
    else if (reader.isBytes(batchFields.receipts)) {
      head.receipts.push(Receipt.decode(bytes.subarray(reader.from, reader.to)));
    } else if (reader.field === batchFields.receivedAtMs && reader.type === wireTypes.varint) {
      head.receivedAtMs = reader.int64();
    } else if (reader.field === batchFields.skewsMs && reader.type === wireTypes.varint) {
      head.skewsMs.push(reader.int64());
    } else reader.skip();
  }
  return head;
}

function readPacked(bytes: Buffer, from: number, to: number, into: number[]): void {
  const reader = new WireReader(bytes, from, to);
  while (!reader.isAtEnd) into.push(reader.int64());
}

/** Fields of Event. */
const eventFields = {
  ...{ id: 1, timeMs: 2, name: 3, user: 4, numberValue: 5, stringValue: 6, metadataJson: 7, exposure: 8 },
} as const;

/** Names go into keys of indexes, which take 2,704 bytes. Ingestion lets only much shorter ones pass. */
const nameBytesMax = 600;
const dayMs = 86_400_000;

type From = Pick<WireBatch, 'project' | 'environment' | 'region' | 'instance' | 'receivedAtMs'>;

/** What all events of a message share, and the places of the one in hand. */
class Transcoder {
  readonly #bytes: Buffer;
  readonly #from: From;
  readonly #source: MessageSource;
  readonly #writer: TupleWriter;
  readonly #head: Buffer;
  readonly #tail: Buffer;
  readonly #user = new WireUser();
  readonly #hash = { high: 0, low: 0 };
  #day = Number.NaN;
  #dayText = dayless;
  #name: { text: string; bytes: Buffer } = { text: '', bytes: Buffer.alloc(0) };

  constructor(bytes: Buffer, from: From, source: MessageSource) {
    this.#bytes = bytes;
    this.#from = from;
    this.#source = source;
    // Wide enough for all of it in most cases: the table has a little more than the wire.
    this.#writer = new TupleWriter(bytes.length * 2);
    this.#head = fieldsOf(from.project, from.environment);
    this.#tail = fieldsOf(from.instance, from.region);
  }

  finish(): Tuples {
    return this.#writer.finish();
  }

  /** @throws Error for an event that can't be a row; nothing of it is left then. */
  add(range: FieldRange, skewMs: number): EventRow {
    const places = this.#read(range);
    const { idFrom, idTo, nameFrom, nameTo, timeMs } = places;
    const writer = this.#writer;
    const name = this.#nameOf(nameFrom, nameTo);
    writer.begin(eventColumns.length);
    writer.raw(this.#head);
    writer.uuidText(this.#bytes, idFrom, idTo);
    const idDay = this.#dayOf(idFrom);
    writer.date(idDay);
    writer.utf8(this.#bytes, nameFrom, nameTo);
    writer.timestamptz(timeMs);
    writer.int8(skewMs);
    writer.timestamptz(this.#from.receivedAtMs);
    this.#user.write(writer);
    writer.float8(places.numberValue);
    if (places.stringFrom < 0) writer.nothing();
    else writer.utf8(this.#bytes, places.stringFrom, places.stringTo);
    if (places.metadataTo === places.metadataFrom) writer.nothing();
    else writer.jsonUtf8(this.#bytes, places.metadataFrom, places.metadataTo);
    const exposure = exposureOf(this.#bytes, places);
    writer.json(exposure ? JSON.stringify(exposure) : null);
    writer.raw(this.#tail);
    writer.end();
    const isSomebody = this.#user.hash(this.#hash);
    const row = new WireRow(this.#bytes, this.#from, this.#source, range, places, skewMs);
    row.idDay = idDay;
    row.name = name;
    row.exposure = exposure;
    if (isSomebody) row.unit = { ...this.#hash };
    return row;
  }

  /** A row for whoever buries it: what can be read of the event. */
  plainRow(range: FieldRange, skewMs: number): EventRow {
    return new WireRow(this.#bytes, this.#from, this.#source, range, nowhere, skewMs);
  }

  #read({ from, to }: Range): Places {
    const places: Places = { ...nowhere };
    const reader = new WireReader(this.#bytes, from, to);
    this.#user.clear();
    while (reader.next()) {
      if (reader.isBytes(eventFields.id)) {
        places.idFrom = reader.from;
        places.idTo = reader.to;
      } else if (reader.field === eventFields.timeMs && reader.type === wireTypes.varint)
        places.timeMs = reader.int64();
      else if (reader.isBytes(eventFields.name)) {
        places.nameFrom = reader.from;
        places.nameTo = reader.to;
      } else if (reader.isBytes(eventFields.user)) this.#user.read(this.#bytes, reader.from, reader.to);
      else if (reader.field === eventFields.numberValue && reader.type === wireTypes.fixed64) {
        places.numberValue = reader.double();
        places.stringFrom = -1;
      } else if (reader.isBytes(eventFields.stringValue)) {
        places.numberValue = null;
        places.stringFrom = reader.from;
        places.stringTo = reader.to;
      } else if (reader.isBytes(eventFields.metadataJson)) {
        places.metadataFrom = reader.from;
        places.metadataTo = reader.to;
      } else if (reader.isBytes(eventFields.exposure)) {
        places.exposureFrom = reader.from;
        places.exposureTo = reader.to;
      } else reader.skip();
    }
    return places;
  }

  /** Events of one name come together: then the text is made once. */
  #nameOf(from: number, to: number): string {
    if (to === from) throw new UnfitError('the event has no name');
    if (to - from > nameBytesMax) throw new UnfitError(`the name has ${to - from} bytes`);
    const { text, bytes } = this.#name;
    if (bytes.length === to - from && this.#bytes.compare(bytes, 0, bytes.length, from, to) === 0) return text;
    this.#name = { text: this.#bytes.toString('utf8', from, to), bytes: this.#bytes.subarray(from, to) };
    return this.#name.text;
  }

  /** The day of an id that was found to be a UUID. */
  #dayOf(from: number): string {
    const madeAtMs = madeAt(this.#bytes, from);
    const day = Number.isNaN(madeAtMs) ? Number.NaN : Math.floor(madeAtMs / dayMs);
    if (day === this.#day) return this.#dayText;
    this.#day = day;
    this.#dayText = Number.isNaN(day) ? dayless : dayOf(madeAtMs);
    return this.#dayText;
  }
}

/** The time in a UUIDv7, Unix milliseconds; NaN for others, and for times that can't be. */
function madeAt(bytes: Buffer, from: number): number {
  if (bytes[from + 14] !== seven) return Number.NaN;
  const ms = hex(bytes, from, 8) * 0x1_0000 + hex(bytes, from + 9, 4);
  return isDayKnown(ms) ? ms : Number.NaN;
}

const seven = 0x37;

function hex(bytes: Buffer, from: number, length: number): number {
  let value = 0;
  for (let at = from; at < from + length; at++) {
    const code = bytes[at] ?? 0;
    // Digits have the code 48 and on; letters, in either case, have their number in the low four bits, from 1.
    value = value * 16 + (code < 58 ? code - 48 : (code & 15) + 9);
  }
  return value;
}

interface Places {
  idFrom: number;
  idTo: number;
  nameFrom: number;
  nameTo: number;
  timeMs: number;
  numberValue: number | null;
  /** Below 0 without a text value; an empty one is a value, too. */
  stringFrom: number;
  stringTo: number;
  metadataFrom: number;
  metadataTo: number;
  exposureFrom: number;
  exposureTo: number;
}

const nowhere: Places = {
  ...{ idFrom: 0, idTo: 0, nameFrom: 0, nameTo: 0, timeMs: 0, numberValue: null, stringFrom: -1, stringTo: 0 },
  ...{ metadataFrom: 0, metadataTo: 0, exposureFrom: -1, exposureTo: -1 },
};

function exposureOf(bytes: Buffer, { exposureFrom, exposureTo }: Places): Exposure | undefined {
  return exposureFrom < 0 ? undefined : Exposure.decode(bytes.subarray(exposureFrom, exposureTo));
}

function fieldsOf(...texts: readonly string[]): Buffer {
  const writer = new TupleWriter(256);
  writer.begin(texts.length);
  for (const text of texts) writer.text(text);
  return writer.fields();
}

/** A row whose rarer parts are read when somebody asks. */
class WireRow implements EventRow {
  readonly #bytes: Buffer;
  readonly #from: From;
  readonly #range: FieldRange;
  readonly #idFrom: number;
  readonly #idTo: number;
  readonly source: MessageSource;
  readonly happenedAtMs: number;
  readonly numberValue: number | null;
  readonly skewMs: number;
  idDay = dayless;
  name = '';
  exposure: Exposure | undefined = undefined;
  unit: EventRow['unit'] = undefined;

  constructor(bytes: Buffer, from: From, source: MessageSource, range: FieldRange, places: Places, skewMs: number) {
    this.#bytes = bytes;
    this.#from = from;
    this.#range = range;
    this.#idFrom = places.idFrom;
    this.#idTo = places.idTo;
    this.source = source;
    this.happenedAtMs = places.timeMs;
    this.numberValue = places.numberValue;
    this.skewMs = skewMs;
  }

  get project(): string {
    return this.#from.project;
  }

  get environment(): string {
    return this.#from.environment;
  }

  get receivedAtMs(): number {
    return this.#from.receivedAtMs;
  }

  get instance(): string {
    return this.#from.instance;
  }

  get region(): string {
    return this.#from.region;
  }

  get eventId(): string {
    if (this.#idTo === this.#idFrom) return idIn(this.#bytes, this.#range);
    return this.#bytes.toString('latin1', this.#idFrom, this.#idTo).toLowerCase();
  }

  get encoded(): Uint8Array {
    return this.#bytes.subarray(this.#range.fieldFrom, this.#range.to);
  }
}

/** The id of an event that may be unsound from some byte on. */
function idIn(bytes: Buffer, { from, to }: Range): string {
  const reader = new WireReader(bytes, from, to);
  try {
    while (reader.next()) {
      if (reader.isBytes(eventFields.id)) return bytes.toString('utf8', reader.from, reader.to).toLowerCase();
      reader.skip();
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
  }
  return '';
}
