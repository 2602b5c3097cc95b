import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { silentLogger } from '@sluice/mesh';
import { Keyring } from './keyring.js';
import { keysChannel } from './outbox.js';
import { ModelDatabase } from './test/model-database.js';

const keyRow = (archivedAt: Date | null = null) => ({
  ...{ digest: 'd', key_class: 1, project: 'p', environment: 'e', can_write: false, label: '' },
  ...{ created_at: new Date(0), version: 1, archived_at: archivedAt },
});

async function settled(condition: () => boolean): Promise<void> {
  const until = Date.now() + 5_000;
  while (!condition()) {
    if (Date.now() > until) throw new Error('not within 5 s');
    await delay(5);
  }
}

describe('the keyring', () => {
  it('locks a revoked key out once the database answers again, without another change', async () => {
    const db = new ModelDatabase();
    db.keys = [keyRow()];
    const keyring = new Keyring(db, silentLogger);
    const release = await keyring.start();
    assert(keyring.find('d'));
    db.keys = [keyRow(new Date(1))];
    db.fault = () => Promise.reject(new Error('away'));
    db.notify(keysChannel, '');
    await settled(() => db.count('select_keys') >= 3);
    assert(keyring.find('d'), 'nobody has told it yet');
    db.fault = undefined;
    await settled(() => keyring.find('d') === undefined);
    assert.equal(keyring.all().length, 1);
    await release();
  });

  it('ends with what the last look saw, though an earlier one took longer', async () => {
    const db = new ModelDatabase();
    db.keys = [keyRow()];
    const keyring = new Keyring(db, silentLogger);
    const slow = Promise.withResolvers<void>();
    db.fault = () => slow.promise;
    const first = keyring.refresh();
    db.keys = [keyRow(new Date(1))];
    db.fault = undefined;
    const second = keyring.refresh();
    slow.resolve();
    await Promise.all([first, second]);
    assert.equal(keyring.find('d'), undefined);
  });

  it('stops to try when it is closed', async () => {
    const db = new ModelDatabase();
    const keyring = new Keyring(db, silentLogger);
    const release = await keyring.start();
    db.fault = () => Promise.reject(new Error('away'));
    db.notify(keysChannel, '');
    await settled(() => db.count('select_keys') >= 2);
    await release();
    const looks = db.count('select_keys');
    await delay(150);
    assert.equal(db.count('select_keys'), looks);
  });
});
