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
    relay.add({ delta: outcome.delta, state, cause: 'stream' });
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
    assert.deepEqual(relay.since(newest, ahead), { messages: [], place: ahead });
  });

  it('makes a snapshot once for all who ask', () => {
    assert.equal(relay.snapshot(newest), relay.snapshot(newest));
  });
});
