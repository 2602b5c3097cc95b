import assert from 'node:assert/strict';
import { WatchRulesetResponse } from '@sluice/proto';
import { FrameLog } from './frame-log.js';
import { framesKept, outboxChannel } from './outbox.js';
import { gateOf, planOf } from './test/heads.js';
import { commit, emptySet, ModelDatabase, shop } from './test/model-database.js';

const lineage = '00000000000-0101010101010101';

async function world(revisions: number) {
  const db = new ModelDatabase();
  const model = db.add();
  const log = new FrameLog(db);
  await log.start();
  const write = (salt: string): void => {
    commit(model, planOf([gateOf('a', [], { salt })]), 1_000 + model.head.revision);
    db.notify(outboxChannel, 'shop/test');
  };
  for (let at = 1; at <= revisions; at++) write(`${at}`);
  return { db, model, log, write };
}

const revisionsIn = (messages: readonly Uint8Array[] | undefined) =>
  messages?.map((message) => {
    const { item } = WatchRulesetResponse.decode(message);
    return item?.$case === 'frame' ? item.value.revision : undefined;
  });

/** Where a reader stands that holds a revision of the model. */
const placeAt = (model: { frames: { revision: number; stateHash: Buffer }[] }, revision: number) => {
  const stateHash = model.frames.find((frame) => frame.revision === revision)?.stateHash ?? Buffer.alloc(0);
  return { revision, stateHash, lineage };
};

describe('the feed of a set', () => {
  it('is read once for each change, however many watch', async () => {
    const { db, model, log, write } = await world(3);
    let rung = 0;
    const watchers = Array.from({ length: 100 }, () => log.enter(shop, () => rung++));
    const all = async () => {
      await Promise.all(watchers.map(({ feed }) => feed.standing()));
      return watchers.map(({ feed }) => feed.since(placeAt(model, 2)));
    };
    for (const next of await all()) assert.deepEqual(revisionsIn(next?.messages), [3]);
    assert.deepEqual([db.count('select_set'), db.count('select_frames')], [1, 1]);
    write('next');
    assert.equal(rung, 100);
    const shared = await all();
    for (const next of shared) assert.deepEqual(revisionsIn(next?.messages), [3, 4]);
    assert.equal(shared[0]?.messages[0], shared[99]?.messages[0], 'the bytes are the same ones');
    assert.deepEqual([db.count('select_set'), db.count('select_frames')], [2, 2]);
    await all();
    assert.equal(db.count('select_set'), 2, 'nothing changed, nothing is asked');
    for (const { leave } of watchers) leave();
    log.enter(shop, () => undefined).leave();
  });

  it('leads from any kept frame to where the set stands, and nowhere else', async () => {
    const { model, log } = await world(framesKept + 10);
    const { feed } = log.enter(shop, () => undefined);
    const newest = model.head.revision;
    assert.equal((await feed.standing()).revision, newest);
    assert.deepEqual(feed.since(placeAt(model, newest))?.messages, []);
    assert.equal(feed.since(placeAt(model, newest - 5))?.messages.length, 5);
    assert.equal(feed.since(placeAt(model, 5)), undefined, 'too far behind');
    assert.equal(feed.since({ ...placeAt(model, newest - 1), stateHash: Buffer.alloc(32) }), undefined);
    assert.equal(feed.since({ ...placeAt(model, newest), stateHash: Buffer.alloc(32) }), undefined);
    assert.equal(feed.since({ ...placeAt(model, newest), lineage: 'another' }), undefined);
    assert.equal(feed.since({ revision: 0, stateHash: Buffer.alloc(0) }), undefined);
    assert.equal(feed.since({ ...placeAt(model, newest), revision: newest + 1 }), undefined);
  });

  it('does not lead across a frame without its entities, or a gap', async () => {
    const { model, log } = await world(6);
    const third = model.frames[2];
    assert(third);
    model.frames[2] = { ...third, upserts: [], isElided: true };
    const one = log.enter(shop, () => undefined);
    await one.feed.standing();
    assert.equal(one.feed.since(placeAt(model, 2)), undefined);
    assert.equal(one.feed.since(placeAt(model, 3))?.messages.length, 3);
    one.leave();
    model.frames.splice(3, 1);
    const two = log.enter(shop, () => undefined);
    await two.feed.standing();
    assert.equal(two.feed.since(placeAt(model, 3)), undefined);
    assert.equal(two.feed.since(placeAt(model, 5))?.messages.length, 1);
  });

  it('follows a database that went back to a backup, whatever the numbers say', async () => {
    for (const later of [0, 1, 2, 5]) {
      const { db, model, log } = await world(5);
      const { feed } = log.enter(shop, () => undefined);
      await feed.standing();
      const backup = emptySet();
      for (let at = 1; at <= 3; at++) commit(backup, planOf([gateOf('a', [], { salt: `${at}` })]), 1_000 + at - 1);
      for (let at = 0; at < later; at++) commit(backup, planOf([gateOf('b', [], { salt: `${at}` })]), 2_000 + at);
      db.add(shop, backup);
      db.notify(outboxChannel, '');
      assert.equal((await feed.standing()).revision, 3 + later);
      assert.equal(feed.since(placeAt(model, 5)), undefined, 'what was held is of the history that is gone');
      assert.equal(feed.since(placeAt(model, 2))?.messages.length, 1 + later, 'this far both are the same');
    }
  });

  it('is not known where there is no set, and asks again after a failure', async () => {
    const { db, log } = await world(1);
    await assert.rejects(log.enter({ project: 'no', environment: 'where' }, () => undefined).feed.standing(), {
      kind: 'not_found',
    });
    const { feed } = log.enter(shop, () => undefined);
    db.fault = () => Promise.reject(new Error('away'));
    await assert.rejects(feed.standing(), /away/);
    db.fault = undefined;
    assert.equal((await feed.standing()).revision, 1);
  });
});
