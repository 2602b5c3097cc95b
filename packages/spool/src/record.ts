/**
 * How a spool's segment holds messages; pure. The name of its file says the marker that its records
 * begin with, 8 random bytes: no message can hold what would be taken for a record. A record is the
 * marker, the length of its body, the CRC-32 of its body and the CRC-32 of all this (each 32 bits, big
 * endian), then the body: lengths and texts of subject and message id, the count of events, the data.
 * Bytes that changed cost the records that they are in; the next marker shows where the others go on.
 *
 * Segments of an older version have no marker, in their name or in their records, and no CRC of heads.
 */
import { crc32 } from 'node:zlib';

/** A message of the log, kept for later. */
export interface SpoolRecord {
  readonly subject: string;
  readonly messageId: string;
  /** Events in it. */
  readonly count: number;
  readonly data: Uint8Array;
}

export const markerBytes = 8;
const headBytes = markerBytes + 12;
const olderHeadBytes = 8;
const fixedBytes = 8;
/** More than any message of the log may have. */
const olderBodyBytesMax = 4 * 1024 * 1024;

export const segmentPattern = /^\d{16}(?:\.[0-9a-f]{16})?\.segment$/;

export function segmentName(serial: number, marker: Uint8Array): string {
  return `${String(serial).padStart(16, '0')}.${Buffer.from(marker).toString('hex')}.segment`;
}

function markerOf(path: string): Buffer | undefined {
  const [, hex] = /\.([0-9a-f]{16})\.segment$/.exec(path) ?? [];
  return hex === undefined ? undefined : Buffer.from(hex, 'hex');
}

export function encodeRecord({ subject, messageId, count, data }: SpoolRecord, marker: Uint8Array): Buffer {
  const names = [Buffer.from(subject), Buffer.from(messageId)] as const;
  const fixed = Buffer.alloc(fixedBytes);
  fixed.writeUInt16BE(names[0].length, 0);
  fixed.writeUInt16BE(names[1].length, 2);
  fixed.writeUInt32BE(count, 4);
  const body = Buffer.concat([fixed, ...names, data]);
  const head = Buffer.alloc(headBytes);
  head.set(marker);
  head.writeUInt32BE(body.length, markerBytes);
  head.writeUInt32BE(crc32(body), markerBytes + 4);
  head.writeUInt32BE(crc32(head.subarray(0, markerBytes + 8)), markerBytes + 8);
  return Buffer.concat([head, body]);
}

/** Bytes that a record takes, whatever its marker. */
export function recordBytes({ subject, messageId, data }: SpoolRecord): number {
  return headBytes + fixedBytes + Buffer.byteLength(subject) + Buffer.byteLength(messageId) + data.length;
}

export interface SegmentContent {
  readonly records: readonly SpoolRecord[];
  /** What is beside them: nothing; the start of a write that never ended and was never acknowledged; or bytes that changed. */
  readonly end: 'clean' | 'torn' | 'damaged';
}

/** Reads what is sound; what is not is passed over, and what lies behind it is kept. @param path names the segment */
export function decodeSegment(bytes: Buffer, path: string): SegmentContent {
  const marker = markerOf(path);
  const format = marker ? formatOf(marker) : olderFormat;
  const records: SpoolRecord[] = [];
  let at = 0;
  let isDamaged = false;
  while (at < bytes.length) {
    const found = format.read(bytes, at);
    if (found) {
      records.push(found.record);
      at = found.end;
      continue;
    }
    const next = format.next(bytes, at + 1);
    if (next === undefined) break;
    isDamaged = true;
    at = next;
  }
  if (isDamaged) return { records, end: 'damaged' };
  if (at === bytes.length) return { records, end: 'clean' };
  return { records, end: format.isTorn(bytes.subarray(at)) ? 'torn' : 'damaged' };
}

interface Found {
  readonly record: SpoolRecord;
  readonly end: number;
}

interface Format {
  /** The sound record at that place. */
  read(bytes: Buffer, at: number): Found | undefined;
  /** Where the first sound record from that place on begins. */
  next(bytes: Buffer, from: number): number | undefined;
  /** Whether what is left, which no sound record follows, can be nothing but the start of a write. */
  isTorn(tail: Buffer): boolean;
}

function formatOf(marker: Buffer): Format {
  const isHeadSound = (head: Buffer): boolean =>
    head.length >= headBytes &&
    head.subarray(0, markerBytes).equals(marker) &&
    crc32(head.subarray(0, markerBytes + 8)) === head.readUInt32BE(markerBytes + 8);
  const read = (bytes: Buffer, at: number): Found | undefined => {
    const head = bytes.subarray(at, at + headBytes);
    if (!isHeadSound(head)) return undefined;
    return decodeBody(bytes, at + headBytes, head.readUInt32BE(markerBytes), head.readUInt32BE(markerBytes + 4));
  };
  return {
    read,
    next: (bytes, from) => {
      for (let at = bytes.indexOf(marker, from); at >= 0; at = bytes.indexOf(marker, at + 1)) {
        if (read(bytes, at)) return at;
      }
      return undefined;
    },
    isTorn: (tail) => {
      if (isHeadSound(tail)) return headBytes + tail.readUInt32BE(markerBytes) > tail.length;
      const start = tail.subarray(0, markerBytes);
      const isStart = tail.length < headBytes && start.equals(marker.subarray(0, start.length));
      // A disk that lost power may have kept the length of a write and none of its bytes.
      return isStart || tail.every((byte) => byte === 0);
    },
  };
}

/** A head that changed can't be told from one whose body never came: what may be damage is kept. */
const olderFormat: Format = {
  read: (bytes, at) => {
    if (at + olderHeadBytes > bytes.length) return undefined;
    const length = bytes.readUInt32BE(at);
    if (length > olderBodyBytesMax) return undefined;
    return decodeBody(bytes, at + olderHeadBytes, length, bytes.readUInt32BE(at + 4));
  },
  next: (bytes, from) => {
    for (let at = from; at + olderHeadBytes <= bytes.length; at++) if (olderFormat.read(bytes, at)) return at;
    return undefined;
  },
  isTorn: (tail) => tail.length < olderHeadBytes,
};

function decodeBody(bytes: Buffer, from: number, length: number, checksum: number): Found | undefined {
  const end = from + length;
  if (length < fixedBytes || end > bytes.length) return undefined;
  const body = bytes.subarray(from, end);
  const subjectEnd = fixedBytes + body.readUInt16BE(0);
  const idEnd = subjectEnd + body.readUInt16BE(2);
  if (idEnd > length || crc32(body) !== checksum) return undefined;
  const record = {
    subject: body.toString('utf8', fixedBytes, subjectEnd),
    messageId: body.toString('utf8', subjectEnd, idEnd),
    count: body.readUInt32BE(4),
    data: body.subarray(idEnd),
  };
  return { record, end };
}
