import assert from 'node:assert/strict';
import pc from 'picocolors';
import { plainStyle, styleFor } from './style.js';
import { formatFields, formatTable } from './table.js';
import { count, enumWord, formatAge, formatSince, isoTime, shorten } from './words.js';

const columns = [{ title: 'NAME' }, { title: 'N', align: 'right' as const }];

describe('tables', () => {
  it('align columns and leave no space at line ends', () => {
    const table = formatTable(
      columns,
      [
        ['checkout', '5'],
        ['a', '100'],
        ['b', ''],
      ],
      plainStyle,
    );
    assert.equal(table, 'NAME        N\ncheckout    5\na         100\nb');
  });

  it('do not count colours as width', () => {
    const { green } = pc.createColors(true);
    const table = formatTable(
      columns,
      [
        [green('on'), '1'],
        ['offf', '2'],
      ],
      plainStyle,
    );
    assert.equal(table.split('\n')[1], `${green('on')}    1`);
  });

  it('print fields one on a line', () => {
    assert.equal(
      formatFields(
        [
          ['rule', 'a'],
          ['reason', 'b'],
        ],
        plainStyle,
      ),
      '  rule    a\n  reason  b',
    );
  });
});

describe('colours', () => {
  it('are for terminals only, and NO_COLOR is honoured', () => {
    assert.notEqual(styleFor({ env: {}, isTerminal: true }).good('x'), 'x');
    assert.equal(styleFor({ env: {}, isTerminal: false }).good('x'), 'x');
    assert.equal(styleFor({ env: { NO_COLOR: '1' }, isTerminal: true }).good('x'), 'x');
    assert.equal(styleFor({ env: { TERM: 'dumb' }, isTerminal: true }).good('x'), 'x');
  });
});

describe('words', () => {
  it('tell ages', () => {
    assert.deepEqual([0, 999, 1000, 61_000, 7_200_000, 200_000_000].map(formatAge), [
      '0 ms',
      '999 ms',
      '1 s',
      '1 min',
      '2 h',
      '2 d',
    ]);
    assert.equal(formatSince(0, 5), '');
    assert.equal(formatSince(1, 3001), '3 s ago');
    assert.equal(isoTime(0), null);
    assert.equal(isoTime(86_400_000), '1970-01-02T00:00:00.000Z');
  });

  it('shorten and count', () => {
    assert.equal(shorten('abcdef', 4), 'abc…');
    assert.deepEqual([count(1, 'set'), count(2, 'set')], ['1 set', '2 sets']);
    assert.deepEqual(
      ['REASON_SPLIT', 'REASON_UNSPECIFIED'].map((name) => enumWord('REASON', name)),
      ['SPLIT', ''],
    );
  });
});
