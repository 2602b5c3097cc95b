/**
 * How a spool's segment holds messages; pure. A record is the length of its body and the CRC-32
 * of its body (both 32 bits, big endian), then the body: lengths and texts of subject and
 * message id, the count of events, the data.
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

const headBytes = 8;
const fixedBytes = 8;

export function encodeRecord({ subject, messageId, count, data }: SpoolRecord): Buffer {
  const names = [Buffer.from(subject), Buffer.from(messageId)] as const;
  const fixed = Buffer.alloc(fixedBytes);
  fixed.writeUInt16BE(names[0].length, 0);
  fixed.writeUInt16BE(names[1].length, 2);
  fixed.writeUInt32BE(count, 4);
  const body = Buffer.concat([fixed, ...names, data]);
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(body.length, 0);
  head.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([head, body]);
}

export interface SegmentContent {
  readonly records: readonly SpoolRecord[];
  /** Bytes up to the end of the last sound record that no damage precedes. */
  readonly soundBytes: number;
  /** What follows them: nothing; the start of a write that never ended and was never acknowledged; or bytes that changed. */
  readonly end: 'clean' | 'torn' | 'damaged';
}

/** Reads what is sound; a record in the middle that is not is passed over, and those behind it are kept. */
export function decodeSegment(bytes: Buffer): SegmentContent {
  const records: SpoolRecord[] = [];
  let at = 0;
  let soundBytes = 0;
  let isDamaged = false;
  while (at + headBytes <= bytes.length) {
    const end = at + headBytes + bytes.readUInt32BE(at);
    if (end > bytes.length) break;
    const record = decodeBody(bytes.subarray(at + headBytes, end), bytes.readUInt32BE(at + 4));
    if (record) records.push(record);
    else if (end < bytes.length) isDamaged = true;
    else break;
    at = end;
    if (!isDamaged) soundBytes = end;
  }
  return { records, soundBytes, end: isDamaged ? 'damaged' : at < bytes.length ? 'torn' : 'clean' };
}

function decodeBody(body: Buffer, checksum: number): SpoolRecord | undefined {
  if (body.length < fixedBytes || crc32(body) !== checksum) return undefined;
  const subjectEnd = fixedBytes + body.readUInt16BE(0);
  const idEnd = subjectEnd + body.readUInt16BE(2);
  return {
    subject: body.toString('utf8', fixedBytes, subjectEnd),
    messageId: body.toString('utf8', subjectEnd, idEnd),
    count: body.readUInt32BE(4),
    data: body.subarray(idEnd),
  };
}
