import assert from 'node:assert/strict';
import { createRecentIds } from './recent-ids.js';

describe('recent ids', () => {
  it('remembers by project: the same id of another tenant is another event', () => {
    const recent = createRecentIds(10);
    recent.add('shop', 'a');
    assert.equal(recent.has('shop', 'a'), true);
    assert.equal(recent.has('bank', 'a'), false);
  });

  it('never forgets the last ones, nor keeps more than twice as many', () => {
    const recent = createRecentIds(100);
    for (let id = 0; id < 1_000; id++) recent.add('shop', String(id));
    const held = Array.from({ length: 1_000 }, (_, id) => recent.has('shop', String(id)));
    assert(held.slice(900).every(Boolean));
    assert(held.filter(Boolean).length <= 200);
  });
});
