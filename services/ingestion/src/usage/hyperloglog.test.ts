import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Hash, HyperLogLog, hashBytes, standardError } from './hyperloglog.js';

function hashOf(unit: string): Hash {
  const bytes = Buffer.from(unit);
  const hash = { high: 0, low: 0 };
  hashBytes(bytes, 0, bytes.length, hash);
  return hash;
}

function sketchOf(units: Iterable<string>): HyperLogLog {
  const sketch = new HyperLogLog();
  for (const unit of units) sketch.add(hashOf(unit));
  return sketch;
}

function* unitsOf(count: number, prefix: string): Generator<string> {
  for (let at = 0; at < count; at++) yield `${prefix}${at}`;
}

describe('HyperLogLog', () => {
  it('is exact for a handful, and for none', () => {
    assert.equal(new HyperLogLog().count(), 0);
    for (const count of [1, 2, 5, 10, 20]) assert.equal(sketchOf(unitsOf(count, 'user-')).count(), count);
  });

  it('errs as much as it says: root mean square within its standard error, none beyond four of them', () => {
    // Counts on both sides of the change from empty registers to ranks.
    for (const count of [1_000, 8_000, 12_000, 50_000]) {
      const errors = Array.from(
        { length: 40 },
        (_, round) => sketchOf(unitsOf(count, `${round}-user-`)).count() / count - 1,
      );
      const meanSquare = errors.reduce((sum, error) => sum + error * error, 0) / errors.length;
      // Forty samples of a root mean square scatter by 11 percent.
      assert(Math.sqrt(meanSquare) < standardError * 1.35, `${count}: ${Math.sqrt(meanSquare)}`);
      for (const error of errors) assert(Math.abs(error) < 4 * standardError, `${count}: ${error}`);
    }
  });

  it('counts a million within three standard errors', () => {
    const count = sketchOf(unitsOf(1_000_000, 'u')).count();
    assert(Math.abs(count / 1_000_000 - 1) < 3 * standardError, String(count));
  });

  it('is small while it has seen few: one for each of many names costs no more than they do', () => {
    const before = process.memoryUsage().arrayBuffers;
    const few = Array.from({ length: 20_000 }, () => sketchOf(unitsOf(20, 'user-')));
    assert(process.memoryUsage().arrayBuffers - before < 8 * 2 ** 20, 'registers of all were made');
    assert.equal(few[0]?.count(), 20);
  });

  it('does not care how often, in which order or in how many parts units come', () => {
    fc.assert(
      fc.property(fc.array(fc.string(), { maxLength: 400 }), fc.nat(400), (units, cut) => {
        const whole = sketchOf(units);
        const merged = sketchOf(units.slice(cut).reverse());
        merged.merge(sketchOf(units.slice(0, cut + 10)));
        assert.deepEqual(merged.encode(), whole.encode());
      }),
    );
  });

  it('is the same after it was stored, small or large', () => {
    for (const count of [0, 1, 100, 1_300, 1_700, 2_500, 50_000]) {
      const sketch = sketchOf(unitsOf(count, 'stored-'));
      const bytes = sketch.encode();
      assert(bytes.length <= 4_096);
      const read = new HyperLogLog();
      read.mergeEncoded(bytes);
      assert.equal(read.count(), sketch.count());
      assert.deepEqual(read.encode(), bytes);
    }
  });

  it('refuses bytes that are no sketch', () => {
    assert.throws(() => new HyperLogLog().mergeEncoded(Buffer.alloc(4)), RangeError);
    assert.throws(() => new HyperLogLog().mergeEncoded(Buffer.from([0xff, 0xff, 1])), RangeError);
  });
});

describe('hashBytes', () => {
  it('spreads names that differ little over all registers', () => {
    const registers = new Set<number>();
    for (const unit of unitsOf(40_000, 'user-')) registers.add(hashOf(unit).high >>> 20);
    assert.equal(registers.size, 4_096);
  });

  it('has as many ones as zeros in every bit', () => {
    const ones = new Array<number>(64).fill(0);
    for (const unit of unitsOf(20_000, 'u')) {
      const { high, low } = hashOf(unit);
      for (let bit = 0; bit < 32; bit++) {
        ones[bit] = (ones[bit] ?? 0) + ((high >>> bit) & 1);
        ones[32 + bit] = (ones[32 + bit] ?? 0) + ((low >>> bit) & 1);
      }
    }
    for (const [bit, count] of ones.entries()) assert(Math.abs(count / 20_000 - 0.5) < 0.02, `bit ${bit}: ${count}`);
  });
});
