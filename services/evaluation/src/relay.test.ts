import assert from 'node:assert/strict';
import { emptyStateHash, hashEntities } from '@sluice/codec';
import { type Entity, type Frame, WatchRulesetResponse } from '@sluice/proto';
import { applyFrame, emptyState, Holdings, type RawFrame, type ReplicaState, rawFrame } from '@sluice/replica';
import { framesKept } from './limits.js';
import { Relay } from './relay.js';

const set = { project: 'shop', environment: 'production' };
const settingOf = (value: number): Entity => ({
  name: 'n',
  version: value,
  body: { $case: 'settingJson', value: String(value) },
});

/** States 1 to `count`, each relayed. */
function relayed(count: number): { relay: Relay; states: ReplicaState[] } {
  const relay = new Relay(new Holdings());
  const states: ReplicaState[] = [];
  let state = emptyState(set);
  for (let revision = 1; revision <= count; revision++) {
    const outcome = applyFrame(state, frameTo(state, revision));
    assert(outcome.kind === 'applied');
    state = outcome.state;
    states.push(state);
    relay.add({ delta: outcome.delta, state });
  }
  return { relay, states };
}

function frameTo(state: ReplicaState, revision: number): RawFrame {
  const upserts = [settingOf(revision)];
  return rawFrame({
    set,
    revision,
    previousRevision: revision - 1,
    stateHash: Buffer.from(hashEntities(upserts)),
    previousStateHash: Buffer.from(state.stateHash),
    committedAtMs: revision,
    upserts,
    deletions: [],
    isElided: false,
  });
}

function framesIn(messages: readonly Uint8Array[]): Frame[] {
  return messages.map((message) => {
    const { item } = WatchRulesetResponse.decode(message);
    assert(item?.$case === 'frame');
    return item.value;
  });
}

const nowhere = { revision: 0, stateHash: emptyStateHash() };

describe('the relay', () => {
  const { relay, states } = relayed(framesKept + 20);
  const newest = states.at(-1) ?? emptyState(set);
  after(() => relay.close());

  it('gives a snapshot to those who have nothing', () => {
    const { messages, place } = relay.since(newest, nowhere);
    const [frame] = framesIn(messages);
    assert.equal(messages.length, 1);
    assert.equal(frame?.previousRevision, 0);
    assert.equal(frame?.revision, newest.revision);
    assert.equal(applyFrame(emptyState(set), rawFrame(frame as Frame)).kind, 'applied');
    assert.equal(place.revision, newest.revision);
  });

  it('gives the frames missed to those who are not far behind', () => {
    const held = states.at(-4) ?? newest;
    const frames = framesIn(relay.since(newest, held).messages);
    assert.deepEqual(
      frames.map(({ revision }) => revision - newest.revision),
      [-2, -1, 0],
    );
  });

  it('gives a snapshot to those who are too far behind, or hold something else', () => {
    const old = states[3] ?? newest;
    assert.equal(framesIn(relay.since(newest, old).messages)[0]?.previousRevision, 0);
    const wrong = { revision: newest.revision - 1, stateHash: Buffer.alloc(32, 1) };
    assert.equal(framesIn(relay.since(newest, wrong).messages)[0]?.previousRevision, 0);
  });

  it('gives nothing to those who are even, or ahead', () => {
    assert.deepEqual(relay.since(newest, newest).messages, []);
    const ahead = { revision: newest.revision + 5, stateHash: Buffer.alloc(32) };
    assert.deepEqual(relay.since(newest, ahead), { messages: [], place: ahead, isSnapshot: false });
  });

  it('makes a snapshot once for all who ask', () => {
    assert.equal(relay.snapshot(newest), relay.snapshot(newest));
  });

  it('serves a snapshot of a moment ago with the changes since, rather than write another one', () => {
    const { relay, states } = relayed(10);
    const [before, after] = [states[6], states[9]];
    assert(before && after);
    const snapshot = relay.snapshot(before);
    const { messages, isSnapshot } = relay.since(after, nowhere);
    assert.equal(messages[0], snapshot);
    assert.equal(isSnapshot, true);
    let held = emptyState(set);
    for (const frame of framesIn(messages)) {
      const outcome = applyFrame(held, rawFrame(frame));
      assert(outcome.kind === 'applied', outcome.kind);
      held = outcome.state;
    }
    assert.equal(held.revision, after.revision);
    // Whoever asks for the newest ruleset itself gets that.
    assert.notEqual(relay.snapshot(after), snapshot);
    relay.close();
  });

  it('gives a snapshot of a set that was made anew to those who hold the old one, and not the other way round', () => {
    const anew = { ...newest, revision: 3, lineage: '2025-b' };
    const old = { revision: 900, stateHash: Buffer.alloc(32), lineage: '2024-a' };
    assert.equal(relay.since(anew, old).isSnapshot, true);
    assert.deepEqual(relay.since({ ...newest, lineage: '2024-a' }, { ...old, lineage: '2025-b' }).messages, []);
  });

  it('writes one heartbeat for all readers of a moment', () => {
    const standing = { state: newest, ageMs: 5 };
    const first = relay.heartbeat(standing, 1_000);
    assert.equal(relay.heartbeat(standing, 1_020), first);
    assert.notEqual(relay.heartbeat(standing, 1_100), first);
    const { item } = WatchRulesetResponse.decode(first);
    assert(item?.$case === 'heartbeat');
    assert.deepEqual([item.value.revision, item.value.nowMs, item.value.ageMs], [newest.revision, 1_000, 5]);
  });

  it('says with each change when and in which trace it was applied here', () => {
    const { states } = relayed(1);
    const [state] = states;
    assert(state);
    const relay = new Relay(new Holdings());
    const outcome = applyFrame(state, frameTo(state, 2));
    assert(outcome.kind === 'applied');
    relay.add(outcome, { atMs: 1_700_000_000_000.25, traceparent: '00-a-b-01' });
    const [message] = relay.since(outcome.state, state).messages;
    const { appliedAtMs, traceparent, item } = WatchRulesetResponse.decode(message ?? new Uint8Array());
    assert.deepEqual([appliedAtMs, traceparent, item?.$case], [1_700_000_000_000.25, '00-a-b-01', 'frame']);
  });

  it('counts its readers by set', () => {
    const leave = [relay.enter(set), relay.enter(set)];
    assert.equal(relay.watchers().get('shop/production'), 2);
    for (const one of leave) one();
    assert.equal(relay.watchers().get('shop/production'), 0);
  });
});
