import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { PackedIdList } from './id-list.js';

const keyOf = (id: string): string => createHash('sha256').update(id).digest('base64').slice(0, 8);

describe('a packed id list', () => {
  it('holds its ids and no others', () => {
    const ids = Array.from({ length: 20_000 }, (_, at) => `user-${at}`);
    const list = new PackedIdList(ids.map(keyOf).join(''), 'userID');
    for (const id of ids) assert(list.has(keyOf(id)), id);
    for (let at = 0; at < 20_000; at++) assert(!list.has(keyOf(`other-${at}`)));
  });

  it('holds nothing when it is empty, and never what is no key', () => {
    assert(!new PackedIdList('', '').has('AAAAAAAA'));
    const list = new PackedIdList('AAAAAAAA////////', '');
    assert(list.has('AAAAAAAA'));
    assert(list.has('////////'));
    for (const wrong of ['', 'AAAA', 'AAAAAAAAA', 'AAAA AAA', 'AAAAAAA=', 'ÄÄÄÄÄÄÄÄ']) assert(!list.has(wrong), wrong);
  });

  it('ignores a rest that is too short to be a key', () => {
    const list = new PackedIdList('!!!!!!!!BBBBBBBBCCC', '');
    assert(list.has('BBBBBBBB'));
    assert(!list.has('CCC'));
  });
});
