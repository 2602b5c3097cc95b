import assert from 'node:assert/strict';
import type { SetRef } from '@sluice/proto';
import { Heads } from './heads.js';
import { gateOf, planOf } from './test/heads.js';
import { commit, emptySet, ModelDatabase, shop } from './test/model-database.js';

const saltOf = (salt: string) => planOf([gateOf('a', [], { salt })]);

function world() {
  const db = new ModelDatabase();
  const model = db.add();
  commit(model, saltOf('1'), 1_000);
  return { db, model, heads: new Heads() };
}

describe('heads', () => {
  it('are read whole once, and again when another replica wrote', async () => {
    const { db, model, heads } = world();
    const head = await heads.current(db, shop);
    assert.equal(await heads.current(db, shop), head);
    assert.equal(db.count('select_entities'), 1);
    commit(model, saltOf('2'), 2_000);
    assert.equal((await heads.current(db, shop))?.revision, 2);
    assert.equal(db.count('select_entities'), 2);
    assert.equal(await heads.current(db, { ...shop, environment: 'none' }), undefined);
  });

  it('are what a writer put, which costs no reading', async () => {
    const { db, model, heads } = world();
    await heads.current(db, shop);
    commit(model, saltOf('2'), 2_000);
    heads.put(shop, model.head);
    assert.equal(await heads.current(db, shop), model.head);
    assert.equal(db.count('select_entities'), 1);
  });

  it('are not replaced by what was read ahead of a write', async () => {
    const { db, model, heads } = world();
    const reading = Promise.withResolvers<void>();
    db.fault = () => reading.promise;
    const current = heads.current(db, shop);
    commit(model, saltOf('2'), 2_000);
    heads.put(shop, model.head);
    db.fault = undefined;
    reading.resolve();
    await current;
    assert.equal(await heads.current(db, shop), model.head);
  });

  it('go back with a database that was restored from a backup, and then cost no more than ever', async () => {
    const { db, model, heads } = world();
    for (const salt of ['2', '3', '4']) commit(model, saltOf(salt), 3_000);
    assert.equal((await heads.current(db, shop))?.revision, 4);
    const backup = db.add(shop, emptySet());
    commit(backup, saltOf('1'), 1_000);
    assert.equal((await heads.current(db, shop))?.revision, 1);
    const reads = db.count('select_entities');
    assert.equal((await heads.current(db, shop))?.revision, 1);
    commit(backup, saltOf('new'), 4_000);
    heads.put(shop, backup.head);
    assert.equal(await db.transaction((tx) => heads.lock(tx, shop)), backup.head);
    assert.equal(db.count('select_entities'), reads);
  });

  it('are held for so many entities, those asked for last', async () => {
    const db = new ModelDatabase();
    const heads = new Heads(3);
    const sets = ['a', 'b', 'c'].map((environment): SetRef => ({ project: 'shop', environment }));
    for (const set of sets) commit(db.add(set), planOf([gateOf('x'), gateOf('y')]), 1_000, set);
    const [a, b, c] = sets as [SetRef, SetRef, SetRef];
    await heads.current(db, a);
    await heads.current(db, b);
    assert.equal(db.count('select_entities'), 2);
    await heads.current(db, b);
    assert.equal(db.count('select_entities'), 2, 'b is held');
    await heads.current(db, a);
    assert.equal(db.count('select_entities'), 3, 'a was forgotten for it');
    await heads.current(db, c);
    await heads.current(db, c);
    assert.equal(db.count('select_entities'), 4);
  });
});
