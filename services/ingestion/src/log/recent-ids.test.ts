import assert from 'node:assert/strict';
import fc from 'fast-check';
import { v7 } from 'uuid';
import { createRecentIds } from './recent-ids.js';

const one = '019a9f3e-8a6e-7c3b-9d53-1f2e3a4b5c6d';

describe('recent ids', () => {
  it('remembers by project: the same id of another tenant is another event', () => {
    const recent = createRecentIds(16);
    recent.add('shop', one);
    assert.equal(recent.has('shop', one), true);
    assert.equal(recent.has('bank', one), false);
  });

  it('tells ids apart by every digit', () => {
    const recent = createRecentIds(2);
    recent.add('shop', one);
    for (let at = 0; at < one.length; at++) {
      if (one[at] === '-') continue;
      const other = `${one.slice(0, at)}${one[at] === '0' ? '1' : '0'}${one.slice(at + 1)}`;
      assert.equal(recent.has('shop', other), false, other);
    }
  });

  it('remembers most of the last ones, and never one that it was not given', () => {
    const recent = createRecentIds(1_024);
    const ids = Array.from({ length: 5_000 }, () => v7());
    for (const id of ids) recent.add('shop', id);
    const held = ids.map((id) => recent.has('shop', id));
    assert(held.slice(-100).filter(Boolean).length >= 95);
    assert(held.filter(Boolean).length <= 1_024);
    fc.assert(fc.property(fc.uuid(), (id) => recent.has('shop', id) === ids.includes(id)));
  });

  it('remembers no more than it has room for, of any number of projects', () => {
    const recent = createRecentIds(16);
    for (let project = 0; project < 20_001; project++) recent.add(`p${project}`, one);
    assert.equal(recent.has('p20000', one), true);
    assert.equal(recent.has('p0', one), false);
  });
});
