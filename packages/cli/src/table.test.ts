import assert from 'node:assert/strict';
import pc from 'picocolors';
import { plainStyle, styleFor } from './style.js';
import { formatFields, formatTable } from './table.js';

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
