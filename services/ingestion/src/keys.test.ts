import assert from 'node:assert/strict';
import { KeyClass, type KeyGrant } from '@sluice/proto';
import { createIsKnown, createPatience } from './keys.js';

const set = { project: 'shop', environment: 'production' };
const grant: KeyGrant = { ...set, keyClass: KeyClass.SERVER, canWrite: false, label: '' };
const long = 60_000;

/** Holdings that learn of a key when the test says so. */
function trial(waitMs: number) {
  const grants = new Map<string, KeyGrant>();
  let hurried = 0;
  let change = Promise.withResolvers<void>();
  const find = createPatience(
    { findGrant: (digest) => grants.get(digest) },
    () => {
      hurried += 1;
    },
    () => change.promise,
    waitMs,
  );
  const learn = (digest?: string): void => {
    if (digest !== undefined) grants.set(digest, grant);
    change.resolve();
    change = Promise.withResolvers<void>();
  };
  return { find, learn, hurried: () => hurried };
}

describe('a key that is not known yet', () => {
  it('hurries, and is found once its change has come', async () => {
    const { find, learn, hurried } = trial(long);
    const found = find('new');
    learn();
    learn('new');
    assert.equal(await found, grant);
    assert.equal(hurried(), 1);
  });

  it('is refused after a while', async () => {
    const { find } = trial(5);
    assert.equal(await find('wrong'), undefined);
  });

  it('is refused at once while another one waits, so that guessing costs nothing', async () => {
    const { find, learn } = trial(long);
    const first = find('new');
    assert.equal(await find('guess'), undefined);
    learn('new');
    assert.equal(await first, grant);
  });
});

describe('a set that is not held', () => {
  const none = { get: () => undefined };
  const state = { set, revision: 0, stateHash: Buffer.alloc(0), committedAtMs: 0 };

  it('is known when config lists it, also without any ruleset, and is asked for once', async () => {
    let asked = 0;
    const isKnown = createIsKnown(none, {
      listSets: () => {
        asked += 1;
        return Promise.resolve([state]);
      },
    });
    assert.equal(await isKnown(set), true);
    assert.equal(await isKnown(set), true);
    assert.equal(asked, 1);
    assert.equal(await isKnown({ ...set, environment: 'staging' }), false);
  });

  it('gets the benefit of the doubt when config is away', async () => {
    const isKnown = createIsKnown(none, { listSets: () => Promise.reject(new Error('away')) });
    assert.equal(await isKnown(set), true);
  });
});
