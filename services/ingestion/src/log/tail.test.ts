import assert from 'node:assert/strict';
import type { Principal } from '@sluice/mesh';
import { EventBatch, TailEventsRequest, type TailedEvent, User } from '@sluice/proto';
import { eventOf } from '../test/events.js';
import { bufferMax, createTails, TailBuffer, wished, wishOf } from './tail.js';

const set = { project: 'shop', environment: 'production' };
const holder = (part: Partial<Principal> = {}): Principal => ({
  ...{ kind: 'server', ...set, canWrite: false, label: '', digest: '' },
  ...part,
});
const batch: EventBatch = {
  ...EventBatch.fromPartial({ set }),
  events: [
    eventOf({ name: 'buy', user: User.fromPartial({ userId: 'ada', customIds: { company: 'acme' } }) }),
    eventOf({ name: 'view', user: User.fromPartial({ userId: 'bob' }) }),
  ],
};
const names = (found: readonly TailedEvent[]) => found.map(({ event }) => event?.name);
const wishFor = (part: Partial<TailEventsRequest>, principal = holder()) =>
  wishOf({ ...TailEventsRequest.fromPartial({}), ...part }, principal);

describe('what a watcher sees', () => {
  it('is filtered by name and unit', () => {
    assert.deepEqual(names(wished(batch, wishFor({}))), ['buy', 'view']);
    assert.deepEqual(names(wished(batch, wishFor({ name: 'view' }))), ['view']);
    assert.deepEqual(names(wished(batch, wishFor({ unitId: 'acme' }))), ['buy']);
    assert.deepEqual(names(wished(batch, wishFor({ unitId: 'nobody' }))), []);
  });

  it('is of sets that the key reaches', () => {
    const foreign = { ...batch, set: { project: 'other', environment: 'production' } };
    assert.deepEqual(wished(foreign, wishFor({})), []);
    const everything = holder({ kind: 'console', project: '', environment: '' });
    assert.deepEqual(names(wished(foreign, wishFor({}, everything))), ['buy', 'view']);
    assert.throws(() => wishFor({ set: foreign.set }), { kind: 'forbidden' });
    assert.throws(() => wishFor({}, holder({ kind: 'client' })), { kind: 'forbidden' });
  });
});

describe('watching', () => {
  /** A bus that delivers when the test says so. */
  function trial() {
    const listeners = new Set<(data: Uint8Array) => void>();
    const subjects: string[] = [];
    const tails = createTails(
      {
        subscribe: (subject, onMessage) => {
          subjects.push(subject);
          const listener = (data: Uint8Array): void => onMessage({ data } as Parameters<typeof onMessage>[0]);
          listeners.add(listener);
          return () => void listeners.delete(listener);
        },
      },
      'eu',
    );
    return { tails, listeners, subjects, deliver: (data: Uint8Array) => [...listeners][0]?.(data) };
  }

  it('listens while somebody watches, and no longer', () => {
    const { tails, listeners, subjects } = trial();
    const [first, second] = [tails.watch(() => undefined), tails.watch(() => undefined)];
    assert.equal(listeners.size, 3, 'one for each shard');
    assert.deepEqual(subjects, ['events.v1.eu.>', 'events-2.v1.eu.>', 'events-3.v1.eu.>'], 'of this region only');
    first();
    first();
    assert.equal(listeners.size, 3);
    second();
    assert.equal(listeners.size, 0);
  });

  it('passes by what is no batch', () => {
    const { tails, deliver } = trial();
    let seen = 0;
    tails.watch(() => void seen++);
    deliver(Buffer.from('no batch at all'));
    deliver(EventBatch.encode(batch).finish());
    assert.equal(seen, 1);
  });

  it('is for so many at a time', () => {
    const { tails } = trial();
    for (let at = 0; at < 50; at++) tails.watch(() => undefined);
    assert.throws(() => tails.watch(() => undefined), { kind: 'exhausted' });
  });
});

describe('the buffer of a watcher', () => {
  it('hands events on in order, and says at the end how many it left out', () => {
    const buffer = new TailBuffer();
    const [one] = wished(batch, wishFor({}));
    assert(one);
    buffer.add(Array.from({ length: bufferMax + 7 }, () => one));
    let events = 0;
    const skips: number[] = [];
    for (let answer = buffer.take(); answer; answer = buffer.take()) {
      events += answer.events.length;
      skips.push(answer.skipped);
    }
    assert.equal(events, bufferMax);
    assert.deepEqual(skips, [0, 0, 0, 0, 7]);
  });

  it('wakes who waits, for events and for the end', async () => {
    const buffer = new TailBuffer();
    const end = new AbortController();
    const filled = buffer.filled(end.signal);
    buffer.add(wished(batch, wishFor({})));
    await filled;
    buffer.take();
    const ended = buffer.filled(end.signal);
    end.abort();
    await ended;
  });
});
