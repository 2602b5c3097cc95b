import assert from 'node:assert/strict';
import { decodeSegment, encodeRecord } from './record.js';

const recordOf = (serial: number) => ({
  subject: 'events.v1.shop.production',
  messageId: `message-${serial}`,
  count: serial,
  data: Buffer.from(`data of ${serial}`),
});
const records = [recordOf(1), recordOf(2), recordOf(3)];
const encoded = records.map(encodeRecord);
const segment = Buffer.concat(encoded);
const lengthOf = (count: number): number => encoded.slice(0, count).reduce((sum, { length }) => sum + length, 0);

describe('a segment of the spool', () => {
  it('reads as it was written', () => {
    const content = decodeSegment(segment);
    assert.deepEqual(content, { records, soundBytes: segment.length, end: 'clean' });
  });

  it('keeps every whole record, wherever the write was torn', () => {
    for (let length = 0; length <= segment.length; length++) {
      const whole = [3, 2, 1, 0].find((count) => lengthOf(count) <= length) ?? 0;
      const content = decodeSegment(segment.subarray(0, length));
      assert.deepEqual(content.records, records.slice(0, whole), `torn at ${length}`);
      assert.equal(content.soundBytes, lengthOf(whole));
      assert.equal(content.end, length === lengthOf(whole) ? 'clean' : 'torn');
    }
  });

  it('gives out no record with a bit that changed', () => {
    for (let bit = 0; bit < segment.length * 8; bit++) {
      const changed = Buffer.from(segment);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      const { records: read, end } = decodeSegment(changed);
      assert.notEqual(end, 'clean', `bit ${bit}`);
      for (const record of read) assert.deepEqual(record, records[record.count - 1]);
    }
  });

  it('keeps what follows damage', () => {
    const changed = Buffer.from(segment);
    changed[lengthOf(1) - 1] = 0;
    const content = decodeSegment(changed);
    assert.deepEqual(content, { records: records.slice(1), soundBytes: 0, end: 'damaged' });
  });
});
