import assert from 'node:assert/strict';
import { SlotTable } from './names.js';
import { SlotMap } from './slot-map.js';

describe('slot maps', () => {
  const table = new SlotTable();
  for (const name of ['a', 'gone', 'b']) table.take(name);
  const map = new SlotMap(table, [{ name: 'a', n: 1 }, undefined, { name: 'b', n: 2 }]);

  it('find by name', () => {
    assert.equal(map.get('b')?.n, 2);
    assert.equal(map.get('gone'), undefined);
    assert.equal(map.has('nowhere'), false);
    assert.equal(map.size, 2);
  });

  it('list what is there in the order of slots', () => {
    assert.deepEqual([...map.keys()], ['a', 'b']);
    assert.deepEqual(
      Array.from(map.values(), ({ n }) => n),
      [1, 2],
    );
    assert.deepEqual(
      Array.from(map, ([name, { n }]) => `${name}${n}`),
      ['a1', 'b2'],
    );
    const seen: string[] = [];
    map.forEach(({ n }, name) => {
      seen.push(`${name}${n}`);
    });
    assert.deepEqual(seen, ['a1', 'b2']);
  });
});
