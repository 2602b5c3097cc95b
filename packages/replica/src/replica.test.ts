import assert from 'node:assert/strict';
import { addEncoded, equalHashes } from '@sluice/codec';
import { evaluateGate } from '@sluice/engine';
import { Frame, Section } from '@sluice/proto';
import fc from 'fast-check';
import { type RawFrame, rawFrame, readFrame } from './raw-frame.js';
import { applyFrame, emptyState, type ReplicaState, snapshotFrame } from './replica.js';
import { bytesOf, demo, gateEntity, keyEntity, Model } from './test/model.js';

const isOn = (state: ReplicaState, gate: string): boolean =>
  evaluateGate(state.program, gate, { userID: 'u' }, { now: 0 }).value;

function mustApply(state: ReplicaState, frame: RawFrame): ReplicaState {
  const outcome = applyFrame(state, frame);
  assert.equal(outcome.kind, 'applied', outcome.kind === 'mismatch' ? outcome.reason : '');
  return outcome.kind === 'applied' ? outcome.state : state;
}

describe('a replica', () => {
  it('follows deltas and answers by the newest', () => {
    const model = new Model();
    let state = emptyState(demo);
    for (const percent of [0, 100, 0]) {
      state = mustApply(state, rawFrame(model.commit([gateEntity('a', percent)])));
      assert.equal(isOn(state, 'a'), percent === 100);
    }
    state = mustApply(state, rawFrame(model.commit([gateEntity('b', 100)], [gateEntity('a', 0)])));
    assert.equal(state.entities.size, 1);
    assert.equal(isOn(state, 'b'), true);
    assert.equal(state.revision, 4);
  });

  it('leaves old states as they were', () => {
    const model = new Model();
    const before = mustApply(emptyState(demo), rawFrame(model.commit([gateEntity('a', 0)])));
    const after = mustApply(before, rawFrame(model.commit([gateEntity('a', 100), gateEntity('b', 100)])));
    assert.equal(isOn(before, 'a'), false);
    assert.equal(before.entities.size, 1);
    assert.equal(isOn(after, 'a'), true);
  });

  it('ignores what it has and what is older', () => {
    const model = new Model();
    const first = rawFrame(model.commit([gateEntity('a', 0)]));
    const second = rawFrame(model.commit([gateEntity('a', 100)]));
    const state = mustApply(mustApply(emptyState(demo), first), second);
    assert.deepEqual(applyFrame(state, second), { kind: 'ignored', isSame: true });
    assert.deepEqual(applyFrame(state, first), { kind: 'ignored', isSame: false });
    assert.deepEqual(applyFrame(state, snapshotFrame(state)), { kind: 'ignored', isSame: true });
  });

  it('asks for a snapshot after a gap and for elided frames', () => {
    const model = new Model();
    const state = mustApply(emptyState(demo), rawFrame(model.commit([gateEntity('a', 0)])));
    const missed = rawFrame(model.commit([gateEntity('b', 0)]));
    const next = rawFrame(model.commit([gateEntity('c', 0)]));
    assert.equal(applyFrame(state, next).kind, 'gap');
    assert.equal(applyFrame(state, { ...missed, isElided: true, upserts: [] }).kind, 'gap');
    assert.equal(applyFrame(emptyState(demo), next).kind, 'gap');
  });

  it('refuses what it can not prove', () => {
    const model = new Model();
    const state = mustApply(emptyState(demo), rawFrame(model.commit([gateEntity('a', 0)])));
    const frame = model.commit([gateEntity('b', 0)]);
    const wrongs: Partial<Frame>[] = [
      { upserts: [gateEntity('b', 1)] },
      { upserts: [] },
      { stateHash: Buffer.alloc(32) },
      { stateHash: Buffer.alloc(0) },
      { previousStateHash: Buffer.alloc(32) },
      { set: { project: 'other', environment: 'production' } },
      { previousRevision: 7 },
    ];
    for (const wrong of wrongs) {
      assert.equal(applyFrame(state, rawFrame({ ...frame, ...wrong })).kind, 'mismatch', JSON.stringify(wrong));
    }
    const twice = { ...model.snapshot(), upserts: [gateEntity('a', 0), gateEntity('a', 1), gateEntity('b', 0)] };
    assert.equal(applyFrame(state, rawFrame(twice)).kind, 'mismatch');
  });

  it('makes a delta of a snapshot, which leads others to the same state', () => {
    const model = new Model();
    const first = rawFrame(model.commit([gateEntity('a', 0), gateEntity('b', 0), gateEntity('c', 0)]));
    const held = mustApply(emptyState(demo), first);
    model.commit([gateEntity('a', 100)], [gateEntity('b', 0)]);
    model.commit([gateEntity('d', 100)]);
    const outcome = applyFrame(held, rawFrame(model.snapshot()));
    assert(outcome.kind === 'applied');
    const { delta, state } = outcome;
    assert.deepEqual(
      delta.upserts.map(({ name }) => name),
      ['a', 'd'],
    );
    assert.deepEqual(
      delta.deletions.map(({ name }) => name),
      ['b'],
    );
    const other = mustApply(held, readFrame(delta.bytes));
    assert(equalHashes(other.stateHash, state.stateHash));
    assert.deepEqual(other.entities.sorted(), state.entities.sorted());
  });

  it('gives itself as a snapshot that a new replica accepts', () => {
    const model = new Model();
    const state = mustApply(emptyState(demo), rawFrame(model.commit([gateEntity('a', 100), gateEntity('b', 0)])));
    const copy = mustApply(emptyState(demo), readFrame(snapshotFrame(state).bytes));
    assert(equalHashes(copy.stateHash, state.stateHash));
    assert.equal(isOn(copy, 'a'), true);
  });

  it('keeps, proves and passes on what only a newer version knows', () => {
    const model = new Model();
    const base = mustApply(emptyState(demo), rawFrame(model.commit([gateEntity('a', 0)])));
    // An entity of section 18, which no version has today.
    const strange = Buffer.from([0x0a, 1, 0x78, 0xa2, 0x01, 2, 0x08, 1]);
    const stateHash = addEncoded(base.stateHash, { section: 18, name: 'x', bytes: strange });
    const head = Frame.encode({
      ...model.commit([]),
      revision: 2,
      previousRevision: 1,
      previousStateHash: Buffer.from(base.stateHash),
      stateHash: Buffer.from(stateHash),
      upserts: [],
    }).finish();
    const frame = readFrame(Buffer.concat([head, Buffer.from([58, strange.length]), strange]));
    assert.deepEqual(
      frame.upserts.map(({ section, name }) => ({ section, name })),
      [{ section: 18, name: 'x' }],
    );
    const state = mustApply(base, frame);
    assert.equal(isOn(state, 'a'), false);
    const copy = mustApply(emptyState(demo), readFrame(snapshotFrame(state).bytes));
    assert.deepEqual(Buffer.from(copy.entities.get({ section: 18, name: 'x' })?.bytes ?? []), strange);
  });

  it('knows an entity by its body, whatever else is said of it', () => {
    const model = new Model();
    const described = { ...gateEntity('a', 100), description: 'for the winter sale' };
    const state = mustApply(emptyState(demo), rawFrame(model.commit([described])));
    assert.ok(state.entities.get({ section: Section.GATE, name: 'a' }));
    assert.equal(isOn(state, 'a'), true);
  });

  it('takes grants that cover its set, and forgets those that are gone', () => {
    const model = new Model();
    const own = keyEntity('own', 'demo', 'production');
    const all = keyEntity('all', '', '');
    const foreign = keyEntity('foreign', 'other', 'production');
    let state = mustApply(emptyState(demo), rawFrame(model.commit([own, all, foreign])));
    assert.deepEqual([...state.grants.keys()].sort(), ['all', 'own']);
    state = mustApply(state, rawFrame(model.commit([gateEntity('a', 0)], [own])));
    assert.deepEqual([...state.grants.keys()], ['all']);
  });

  it('applies one change in less than a millisecond at 10,000 gates', () => {
    const model = new Model();
    const gates = Array.from({ length: 10_000 }, (_, at) => gateEntity(`gate-${at}`, 0));
    let state = mustApply(emptyState(demo), rawFrame(model.commit(gates)));
    const frames = Array.from({ length: 300 }, (_, at) => bytesOf(model.commit([gateEntity(`gate-${at * 7}`, 50)])));
    const times = frames.map((bytes) => {
      const started = performance.now();
      state = mustApply(state, readFrame(bytes));
      return performance.now() - started;
    });
    const median = times.sort((a, b) => a - b)[150] ?? Number.NaN;
    assert(median < 1, `${median} ms`);
  });
});

describe('frames that were damaged on the way', () => {
  it('never change what is held, and never crash', () => {
    const model = new Model();
    const state = mustApply(emptyState(demo), rawFrame(model.commit([gateEntity('a', 0)])));
    const good = Buffer.from(bytesOf(model.commit([gateEntity('b', 100), keyEntity('k', 'demo', 'production')])));
    const damage = fc.record({ at: fc.nat(good.length - 1), bit: fc.nat(7), cut: fc.boolean() });
    fc.assert(
      fc.property(damage, ({ at, bit, cut }) => {
        const bad = Buffer.from(good);
        bad[at] = (bad[at] ?? 0) ^ (1 << bit);
        const outcome = tryApply(state, cut ? good.subarray(0, at) : bad);
        // Only what the hash does not cover may differ: when it was committed.
        if (outcome?.kind === 'applied') assert(equalHashes(outcome.state.stateHash, model.stateHash));
      }),
      { numRuns: 2_000 },
    );
  });
});

function tryApply(state: ReplicaState, bytes: Uint8Array): ReturnType<typeof applyFrame> | undefined {
  try {
    return applyFrame(state, readFrame(bytes));
  } catch (error) {
    assert.equal((error as Error).name, 'FrameError');
    return undefined;
  }
}
