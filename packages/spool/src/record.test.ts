import assert from 'node:assert/strict';
import { crc32 } from 'node:zlib';
import { decodeSegment, encodeRecord, type SpoolRecord, segmentName } from './record.js';

const recordOf = (serial: number): SpoolRecord => ({
  subject: 'events.v1.shop.production',
  messageId: `message-${serial}`,
  count: serial,
  data: Buffer.from(`data of ${serial}`),
});
const records = [recordOf(1), recordOf(2), recordOf(3)];
const marker = Buffer.from('a1b2c3d4e5f60718', 'hex');

/** As versions before markers wrote it. */
function encodeOlder(record: SpoolRecord): Buffer {
  const body = encodeRecord(record, marker).subarray(20);
  const head = Buffer.alloc(8);
  head.writeUInt32BE(body.length, 0);
  head.writeUInt32BE(crc32(body), 4);
  return Buffer.concat([head, body]);
}

const formats = {
  'a segment': { name: segmentName(7, marker), encode: (record: SpoolRecord) => encodeRecord(record, marker) },
  'a segment of an older version': { name: '0000000000000007.segment', encode: encodeOlder },
};

for (const [what, { name, encode }] of Object.entries(formats)) {
  const encoded = records.map(encode);
  const segment = Buffer.concat(encoded);
  const lengthOf = (count: number): number => encoded.slice(0, count).reduce((sum, { length }) => sum + length, 0);
  const recordAt = (place: number): number => [1, 2, 3].find((count) => place < lengthOf(count)) ?? 0;

  describe(what, () => {
    it('reads as it was written', () => {
      assert.deepEqual(decodeSegment(segment, `/some/folder/${name}`), { records, end: 'clean' });
      assert.deepEqual(decodeSegment(Buffer.of(), name), { records: [], end: 'clean' });
    });

    it('keeps every other record when any one bit changes, and says so', () => {
      for (let bit = 0; bit < segment.length * 8; bit++) {
        const changed = Buffer.from(segment);
        changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        const others = records.filter(({ count }) => count !== recordAt(bit >> 3));
        assert.deepEqual(decodeSegment(changed, name), { records: others, end: 'damaged' }, `bit ${bit}`);
      }
    });

    it('keeps what lies around a hole', () => {
      const changed = Buffer.from(segment);
      changed.fill(0, lengthOf(1) - 3, lengthOf(1) + 30);
      assert.deepEqual(decodeSegment(changed, name), { records: [recordOf(3)], end: 'damaged' });
    });
  });
}

describe('a segment that was torn', () => {
  const encoded = records.map((record) => encodeRecord(record, marker));
  const segment = Buffer.concat(encoded);
  const name = segmentName(7, marker);
  const lengthOf = (count: number): number => encoded.slice(0, count).reduce((sum, { length }) => sum + length, 0);

  it('keeps every whole record, wherever the write ended', () => {
    for (let length = 0; length <= segment.length; length++) {
      const whole = [3, 2, 1, 0].find((count) => lengthOf(count) <= length) ?? 0;
      const end = length === lengthOf(whole) ? 'clean' : 'torn';
      assert.deepEqual(decodeSegment(segment.subarray(0, length), name), { records: records.slice(0, whole), end });
    }
  });

  it('may end in zeros, where the disk knew the length of a write and none of its bytes', () => {
    const torn = Buffer.concat([segment, Buffer.alloc(100)]);
    assert.deepEqual(decodeSegment(torn, name), { records, end: 'torn' });
  });

  it('is not what has bytes of another kind at its end', () => {
    assert.equal(decodeSegment(Buffer.concat([segment, Buffer.from('anything')]), name).end, 'damaged');
  });

  it('takes no record for one of its own that a message holds', () => {
    const forged = encodeRecord(recordOf(9), Buffer.from('0000000000000000', 'hex'));
    const holder = encodeRecord({ ...recordOf(1), data: Buffer.concat([forged, encodeOlder(recordOf(9))]) }, marker);
    holder[4] = 0;
    assert.deepEqual(decodeSegment(Buffer.concat([holder, segment]), name), { records, end: 'damaged' });
  });
});
