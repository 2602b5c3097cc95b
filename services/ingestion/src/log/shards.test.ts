import assert from 'node:assert/strict';
import { exhausted, unavailable } from '@sluice/mesh';
import { createShards, eventShards, orderOf, subjectHere, subjectOf, subjectOn, subjectsIn } from './shards.js';

const [first, second, third] = eventShards;
const set = { project: 'shop', environment: 'production' };

describe('subjects of the event log', () => {
  it('name the region, so that no other one keeps what this one took', () => {
    assert.equal(subjectOf(set, 'eu'), 'events.v1.eu.shop.production');
    assert(second);
    assert.equal(subjectOn(second, subjectOf(set, 'eu')), 'events-2.v1.eu.shop.production');
    assert.equal(subjectsIn(second, 'eu'), 'events-2.v1.eu.>');
  });

  it('lead home what was buried elsewhere, whatever shard it came on', () => {
    for (const shard of eventShards) {
      assert.equal(subjectHere(subjectOn(shard, subjectOf(set, 'eu')), 'us'), 'events.v1.us.shop.production');
    }
  });
});

describe('the shards of the event log', () => {
  const message = { subject: subjectOf(set, 'eu'), data: Buffer.from('x'), messageId: 'id' };
  const clockAt = (ms: number) => ({ now: () => ms });
  /** A bus on which the shards whose subjects match fail with an error. */
  const busOf = (tried: string[], isFailing: (subject: string) => boolean, error: () => Error) => ({
    publish: async (subject: string) => {
      tried.push(subject.split('.')[0] ?? '');
      if (isFailing(subject)) throw error();
      return { sequence: 1, isDuplicate: false };
    },
  });

  it('take turns, and those that failed a moment ago come last', () => {
    assert.deepEqual(
      orderOf(eventShards, 1, () => false),
      [second, third, first],
    );
    assert.deepEqual(
      orderOf(eventShards, 1, (shard) => shard === second),
      [third, first, second],
    );
  });

  it('pass a shard over that does not answer', async () => {
    const tried: string[] = [];
    const bus = busOf(
      tried,
      (subject) => subject.startsWith('events.'),
      () => unavailable('no leader'),
    );
    const shards = createShards({ bus, clock: clockAt(0), timeoutMs: 1_000 });
    assert.equal(await shards.publish(message), false);
    assert.equal(await shards.publish(message), false);
    assert.equal(await shards.publish(message), false);
    assert.deepEqual(tried, ['events', 'events-2', 'events-2', 'events-3']);
  });

  it('are full only when each of them is', async () => {
    const full = () => exhausted('full', 1_000);
    const all = createShards({ bus: busOf([], () => true, full), clock: clockAt(0), timeoutMs: 1_000 });
    await assert.rejects(all.publish(message), { kind: 'exhausted' });
    const mixed = {
      publish: (subject: string) => Promise.reject(subject.startsWith('events.') ? full() : unavailable('no leader')),
    };
    const some = createShards({ bus: mixed, clock: clockAt(0), timeoutMs: 1_000 });
    await assert.rejects(some.publish(message), { kind: 'unavailable' });
  });
});
