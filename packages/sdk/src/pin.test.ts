import assert from 'node:assert/strict';
import { digestOf, withBaggage } from '@sluice/mesh';
import { Sluice } from './index.js';
import { eventually, key, TestMesh } from './test/mesh.js';
import { configEntity, demo, gateEntity, keyEntity } from './test/model.js';

const user = { userID: 'u' };
const member = (revision: number): string => `sluice.revision.${demo.project}.${demo.environment}=${revision}`;

describe('a pinned request', () => {
  let mesh: TestMesh;
  let client: Sluice;

  before(async () => {
    mesh = await new TestMesh().start();
    mesh.model.commit([gateEntity('flips', 0), configEntity('theme', { n: 1 }), keyEntity(digestOf(key))]);
    client = new Sluice({ key, target: mesh.target, disableExposureLogging: true });
    await client.ready();
  });
  after(async () => {
    await client.close({ timeoutMs: 100 });
    await mesh.stop();
  });

  /** Flips the gate so often, and waits until each is held. */
  async function flip(times: number): Promise<void> {
    for (let time = 0; time < times; time++) {
      const next = mesh.model.revision + 1;
      mesh.model.commit([gateEntity('flips', next % 2 === 0 ? 100 : 0), configEntity('theme', { n: next })]);
      mesh.tell();
      await client.waitForRevision(next);
    }
  }

  it('gets all answers by one ruleset, while others get the newest', async () => {
    const pin = client.pin();
    assert.equal(pin.revision, 1);
    await flip(1);
    assert.equal(client.checkGate('flips', user), true);
    assert.equal(client.checkGate('flips', user, { pin }), false);
    const gate = client.gate('flips', user, { pin });
    assert.deepEqual([gate.value, gate.revision], [false, 1]);
    assert.equal(client.config('theme', user, { pin }).get('n', 0), 1);
    assert.equal(client.config('theme', user).get('n', 0), 2);
    assert.equal(client.evaluateAll(user, { pin }).revision, 1);
  });

  it('goes by the baggage that it came with, as text, as metadata or around the work', () => {
    const baggage = `user=ada,${member(1)}`;
    const carrier = { get: (name: string) => (name === 'baggage' ? [baggage] : []) };
    for (const pin of [client.pin(baggage), client.pin(carrier), withBaggage(baggage, () => client.pin())]) {
      assert.equal(pin.revision, 1);
      assert.equal(pin.baggage, `${member(1)},user=ada`);
    }
    assert.equal(client.pin('user=ada').revision, client.status().revision);
    assert.equal(client.pin('user=ada').baggage, `${member(client.status().revision)},user=ada`);
  });

  it('gets defaults, and a word about what is held, for a revision that is not', async () => {
    const old = client.pin();
    await flip(32);
    const newest = client.status().revision;
    for (const pin of [old, client.pin(member(newest + 1))]) {
      const gate = client.gate('flips', user, { pin });
      assert.deepEqual([gate.value, gate.reason, gate.errorCode], [false, 'ERROR', 'GENERAL']);
      assert.match(
        gate.detail,
        new RegExp(`pinned to revision ${pin.revision}; revisions ${newest - 31} to ${newest} are held`),
      );
      assert.equal(client.checkGate('flips', user, { pin }), false);
    }
    const oldest = client.pin(member(newest - 31));
    assert.equal(client.gate('flips', user, { pin: oldest }).revision, newest - 31);
  });

  it('is pinned to nothing where there is no ruleset', async () => {
    const lonely = new Sluice({ key, target: 'static:///127.0.0.1:1' });
    const pin = lonely.pin('user=ada');
    assert.deepEqual(pin, { revision: 0, baggage: 'user=ada' });
    assert.equal(lonely.gate('flips', user, { pin }).errorCode, 'PROVIDER_NOT_READY');
    await lonely.close({ timeoutMs: 10 });
  });
});

describe('a client told by a server to come back later', () => {
  it('comes back when it was told to', async () => {
    const mesh = await new TestMesh().start();
    mesh.model.commit([gateEntity('on', 100), keyEntity(digestOf(key))]);
    mesh.comeBackMs = 700;
    const client = new Sluice({ key, target: mesh.target });
    const startedAt = performance.now();
    try {
      await eventually(() => mesh.watches.length > 0);
      mesh.comeBackMs = undefined;
      await client.ready();
      assert(performance.now() - startedAt >= 690, `${performance.now() - startedAt} ms`);
      assert.equal(mesh.watches.length, 2);
    } finally {
      await client.close({ timeoutMs: 100 });
      await mesh.stop();
    }
  });
});
