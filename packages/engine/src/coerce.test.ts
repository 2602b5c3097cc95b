import assert from 'node:assert/strict';
import fc from 'fast-check';
import { floatOf, integerOf, isMissing, parseFloatText, parseIntegerText, textOf, timestampOf } from './coerce.js';
import { canonicalNumberText, floatJsonText, numberText } from './number-text.js';
import { readVectors } from './test/read-vectors.js';
import { parseTimestamp } from './timestamp.js';
import { compareVersions } from './version-text.js';

describe('views of values', () => {
  it('writes numbers without exponents', () => {
    const cases: [number, string][] = [
      [1, '1'],
      [1.5, '1.5'],
      [-0, '-0'],
      [1e21, '1000000000000000000000'],
      [1e-7, '0.0000001'],
      [-1.5e-9, '-0.0000000015'],
    ];
    for (const [value, text] of cases) assert.equal(numberText(value), text);
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), (n) => Object.is(Number(numberText(n)), n)),
    );
  });

  it('writes numbers inside JSON as the reference does', () => {
    const cases: [string, string][] = [
      ['1', '1'],
      ['1.0', '1.0'],
      ['1.50', '1.5'],
      ['1e2', '100.0'],
      ['1e21', '1e21'],
      ['-0', '-0.0'],
      ['18446744073709551615', '18446744073709551615'],
      ['18446744073709551616', '1.8446744073709552e19'],
      ['1e-5', '0.00001'],
      ['1e-7', '1e-7'],
    ];
    for (const [authored, text] of cases) assert.equal(canonicalNumberText(authored), text);
    assert.equal(floatJsonText(1e15), '1000000000000000.0');
    assert.equal(floatJsonText(1e16), '1e16');
  });

  it('gives texts', () => {
    const cases: [unknown, string | undefined][] = [
      [true, 'true'],
      [[1, 1.5, 'x', null, { b: [2] }], '[1,1.5,"x",null,{"b":[2]}]'],
      [[2 ** 32], '[4294967296.0]'],
      [{}, undefined],
      [null, undefined],
      [Number.NaN, undefined],
    ];
    for (const [value, text] of cases) assert.equal(textOf(value), text);
  });

  it('does not follow arrays for ever', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    assert.equal(textOf(cycle), undefined);
  });

  it('reads floats strictly', () => {
    for (const text of ['5.', '.5', '+1', '1e3', '-0']) assert.equal(parseFloatText(text), Number(text));
    for (const text of ['', '.', ' 1', '1 ', '0x1', '1_0', 'e5', '1e']) assert.equal(parseFloatText(text), undefined);
    assert.equal(parseFloatText('-Infinity'), Number.NEGATIVE_INFINITY);
    assert.ok(Number.isNaN(parseFloatText('NaN')));
    assert.equal(floatOf(true), undefined);
  });

  it('reads 64-bit integers exactly', () => {
    assert.equal(parseIntegerText('9007199254740993'), 9007199254740993n);
    assert.equal(parseIntegerText('9223372036854775808'), undefined);
    assert.equal(parseIntegerText('0007'), 7);
    assert.equal(integerOf(1.5), undefined);
    assert.equal(integerOf(2 ** 63), 2n ** 63n - 1n);
  });

  it('knows what is missing', () => {
    for (const value of [undefined, null, Number.NaN, Number.POSITIVE_INFINITY, () => 1]) assert.ok(isMissing(value));
    for (const value of [0, '', false, [], {}]) assert.ok(!isMissing(value));
  });
});

describe('timestamps', () => {
  it('reads zoned and plain dates', () => {
    const start = Date.UTC(2023, 0, 1);
    assert.equal(parseTimestamp('2023-01-01T00:00:00Z'), start);
    assert.equal(parseTimestamp('2023-01-01t05:30:00+05:30'), start);
    assert.equal(parseTimestamp('2023-01-01 00:00:00.123456Z'), start + 123);
    assert.equal(parseTimestamp('2023-1-1 0:0:1'), start + 1000);
    assert.equal(parseTimestamp('0001-01-01T00:00:00Z'), new Date('0001-01-01T00:00:00Z').getTime());
  });

  it('reads dates as the golden vectors say, of targets and of users', () => {
    const { dates } = readVectors<{ dates: [text: string, target: number | null, user: number | null][] }>(
      'dates.json',
    );
    for (const [text, target, user] of dates) {
      const message = JSON.stringify(text);
      assert.equal(parseIntegerText(text) ?? parseTimestamp(text) ?? null, target, message);
      assert.equal(timestampOf(text) ?? null, user, `${message} of a user`);
    }
  });

  it('refuses what is not in the calendar', () => {
    for (const text of ['2023-02-29T00:00:00Z', '2023-01-01', '2023-13-01 00:00:00', '2023-01-01 24:00:00']) {
      assert.equal(parseTimestamp(text), undefined, text);
    }
  });

  it('looks at user texts only when they are short', () => {
    assert.equal(timestampOf('2023-01-01T00:00:00Z'), Date.UTC(2023, 0, 1));
    assert.equal(timestampOf('2023-01-01T00:00:00.000Z'), undefined);
    assert.equal(timestampOf('1672531200'), 1672531200);
    assert.equal(timestampOf(1672531200), undefined);
  });
});

describe('versions', () => {
  it('compares part by part', () => {
    const cases: [string, string, number | undefined][] = [
      ['1.2', '1.2.0', 0],
      ['1.10', '1.9', 1],
      ['01', '1', 0],
      ['1.2.3-beta', '1.2.3', 0],
      ['2.x', '1.0', 1],
      ['1.x', '1.0', undefined],
      ['1.', '1', undefined],
      ['', '1', undefined],
      ['v1', '1', undefined],
      [' 1 . 2', '1.2', 0],
      ['1.99999999999999999999', '1.99999999999999999998', 1],
      ['\u00851\u2028.2', '1.2', 0],
      ['\ufeff1.2', '1.2', undefined],
      [`+${'0'.repeat(1000)}1.2`, '1.2', 0],
      ['170141183460469231731687303715884105727', '170141183460469231731687303715884105726', 1],
      ['170141183460469231731687303715884105728', '1', undefined],
      ['+-1', '1', undefined],
    ];
    for (const [left, right, order] of cases) assert.equal(compareVersions(left, right), order, `${left} to ${right}`);
  });
});
