import assert from 'node:assert/strict';
import fc from 'fast-check';
import { copyOf, TupleWriter, UnfitError } from './copy-tuples.js';

/** The one field that was written, without its length. */
function fieldOf(write: (tuple: TupleWriter) => void): Buffer {
  const tuple = new TupleWriter(1);
  tuple.begin(1);
  write(tuple);
  tuple.end();
  const bytes = tuple.finish().at(0);
  assert.equal(bytes.readInt16BE(0), 1);
  assert.equal(bytes.readInt32BE(2), bytes.length - 6);
  return bytes.subarray(6);
}

describe('a field of a tuple', () => {
  it('is as PostgreSQL sends it', () => {
    assert.deepEqual(
      fieldOf((tuple) => tuple.bool(true)),
      Buffer.from([1]),
    );
    assert.deepEqual(
      fieldOf((tuple) => tuple.int2(-2)),
      Buffer.from([0xff, 0xfe]),
    );
    assert.deepEqual(
      fieldOf((tuple) => tuple.text('é')),
      Buffer.from('é'),
    );
    assert.deepEqual(
      fieldOf((tuple) => tuple.json('{"a":1}')),
      Buffer.from('\x01{"a":1}'),
    );
    assert.equal(fieldOf((tuple) => tuple.date('2000-01-02')).readInt32BE(), 1);
    assert.equal(fieldOf((tuple) => tuple.timestamptz(Date.UTC(2000, 0, 1) + 5)).readBigInt64BE(), 5_000n);
    const uuid = fieldOf((tuple) => tuple.uuid('019a9f3e-8a6e-7C3b-9d53-1f2e3a4b5c6d'));
    assert.equal(uuid.toString('hex'), '019a9f3e8a6e7c3b9d531f2e3a4b5c6d');
  });

  it('keeps any number and any text', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.double(), fc.string({ unit: 'binary' }), (integer, double, text) => {
        assert.equal(fieldOf((tuple) => tuple.int8(integer)).readBigInt64BE(), BigInt(integer));
        assert.ok(Object.is(fieldOf((tuple) => tuple.float8(double)).readDoubleBE(), double));
        assert.equal(fieldOf((tuple) => tuple.text(text)).toString(), text);
        const utf8 = Buffer.from(text);
        assert.equal(fieldOf((tuple) => tuple.utf8(utf8, 0, utf8.length)).toString(), text);
      }),
    );
  });

  it('quotes text as JSON does', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const utf8 = Buffer.from(text);
        const field = fieldOf((tuple) => {
          tuple.beginJson();
          tuple.quoted(utf8, 0, utf8.length);
          tuple.endJson();
        });
        assert.equal(JSON.parse(field.subarray(1).toString()), text);
      }),
    );
  });

  it('refuses what its column can not hold', () => {
    const refused = (write: (tuple: TupleWriter) => void): void => assert.throws(() => fieldOf(write), UnfitError);
    refused((tuple) => tuple.int2(32_768));
    refused((tuple) => tuple.int2(1.5));
    refused((tuple) => tuple.int8(2 ** 53));
    refused((tuple) => tuple.timestamptz(Number.MAX_SAFE_INTEGER));
    refused((tuple) => tuple.timestamptz(Number.NaN));
    for (const id of ['', 'no uuid', '019a9f3e-8a6e-7c3b-9d53-1f2e3a4b5c6g', '019a9f3e08a6e-7c3b-9d53-1f2e3a4b5c6d']) {
      refused((tuple) => tuple.uuid(id));
    }
  });
});

describe('tuples', () => {
  it('forget one that was begun and not ended', () => {
    const tuples = new TupleWriter();
    tuples.begin(1);
    tuples.text('gone');
    tuples.begin(1);
    tuples.text('kept');
    tuples.end();
    const written = tuples.finish();
    assert.equal(written.count, 1);
    assert.match(written.at(0).toString('latin1'), /kept$/);
    assert.throws(() => written.at(1), RangeError);
  });

  it('are one COPY with a head and an end, in chunks, whatever their sizes', () => {
    const tuple = (bytes: number): Uint8Array => new Uint8Array(bytes).fill(7);
    const chunks = [...copyOf([tuple(10), tuple(600_000), tuple(1)])];
    const all = Buffer.concat(chunks);
    assert.equal(chunks.length, 2);
    assert.equal(all.subarray(0, 11).toString('latin1'), 'PGCOPY\n\xff\r\n\0');
    assert.equal(all.length, 19 + 600_011 + 2);
    assert.equal(all.readInt16BE(all.length - 2), -1);
  });
});
