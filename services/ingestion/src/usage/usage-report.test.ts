import assert from 'node:assert/strict';
import type { UsageRow } from '../writer/store.js';
import { HyperLogLog, hashBytes } from './hyperloglog.js';
import { eventsOf, usageOf } from './usage-report.js';

function rowOf(day: string, name: string, units: readonly string[], part: Partial<UsageRow> = {}): UsageRow {
  const sketch = new HyperLogLog();
  for (const unit of units) {
    const bytes = Buffer.from(unit);
    const hash = { high: 0, low: 0 };
    hashBytes(bytes, 0, bytes.length, hash);
    sketch.add(hash);
  }
  const at = Date.parse(day);
  const rest = {
    events: units.length,
    total: 10,
    firstAtMs: at,
    lastAtMs: at + 1,
    units: Buffer.from(sketch.encode()),
  };
  return { day, name, ...rest, ...part };
}

describe('the events of a name', () => {
  it('are those of all rows, and units that come again are one', () => {
    const rows = [rowOf('2026-11-21', 'buy', ['a', 'b']), rowOf('2026-11-22', 'buy', ['b', 'c'])];
    assert.deepEqual(eventsOf(rows), {
      ...{ count: 4, sum: 20, units: 3 },
      ...{ firstAtMs: Date.parse('2026-11-21'), lastAtMs: Date.parse('2026-11-22') + 1 },
    });
  });

  it('are none without rows', () => {
    assert.deepEqual(eventsOf([]), { count: 0, sum: 0, firstAtMs: 0, lastAtMs: 0, units: 0 });
  });
});

describe('usage', () => {
  const wanted = usageOf([
    [rowOf('2026-12-01', 'buy', ['a'])],
    [
      rowOf('2026-11-22', 'view', ['a', 'b']),
      rowOf('2026-11-22', 'buy', ['b']),
      rowOf('2026-11-22', 'buy', ['c']),
      rowOf('2026-11-21', '', ['d']),
    ],
  ]);

  it('is by day and name, in order; rows of all names together are no name', async () => {
    const { days } = await wanted;
    assert.deepEqual(
      days.map(({ day, name, events, units }) => [day, name, events, units]),
      [
        ['2026-11-22', 'buy', 2, 2],
        ['2026-11-22', 'view', 2, 2],
        ['2026-12-01', 'buy', 1, 1],
      ],
    );
  });

  it('counts a unit once a day and once a month', async () => {
    const { unitsByDay, unitsByMonth } = await wanted;
    assert.deepEqual(unitsByDay, [
      { period: '2026-11-21', units: 1 },
      { period: '2026-11-22', units: 3 },
      { period: '2026-12-01', units: 1 },
    ]);
    assert.deepEqual(unitsByMonth, [
      { period: '2026-11', units: 4 },
      { period: '2026-12', units: 1 },
    ]);
  });

  it('of too many names and days is refused before more of it is read', async () => {
    let read = 0;
    const days = function* () {
      for (let day = 1; day <= 28; day++) {
        read++;
        yield Array.from({ length: 2_000 }, (_, at) => rowOf(`2026-11-${String(day).padStart(2, '0')}`, `n${at}`, []));
      }
    };
    await assert.rejects(usageOf(days()), /first_day: asks for more than 20000 names and days; ask in parts/);
    assert.equal(read, 11);
  });
});
