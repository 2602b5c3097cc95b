import assert from 'node:assert/strict';
import { equalHashes } from '@sluice/codec';
import { silentLogger } from '@sluice/mesh';
import { Pulse } from '@sluice/proto';
import { Follower } from './follower.js';
import { pulseSubject } from './frame-source.js';
import { Holdings } from './holdings.js';
import { rawFrame } from './raw-frame.js';
import { applyFrame, applyFrameSliced, compareLineage, emptyState, type ReplicaState, type Word } from './replica.js';
import { readStateFile, stateFileBytes } from './replica-file.js';
import { standingDigest } from './standing-digest.js';
import { eventually, LossyStream, ModelAuthority } from './test/lossy-stream.js';
import { demo, gateEntity, Model } from './test/model.js';

/** A history of so many revisions. */
function history(lineage: string, revisions: number): Model {
  const model = new Model(demo, lineage);
  for (let at = 1; at <= revisions; at++) model.commit([gateEntity(`${lineage}-${at}`, at)]);
  return model;
}

function stateOf(model: Model): ReplicaState {
  const outcome = applyFrame(emptyState(demo), rawFrame(model.snapshot()));
  assert(outcome.kind === 'applied');
  return outcome.state;
}

const old = history('2024-a', 9);
const anew = history('2025-b', 3);

describe('a set that was made anew', () => {
  it('replaces what was held, though its revisions are lower', () => {
    const outcome = applyFrame(stateOf(old), rawFrame(anew.snapshot()));
    assert(outcome.kind === 'applied');
    assert.deepEqual([outcome.state.revision, outcome.state.lineage, outcome.state.entities.size], [3, '2025-b', 3]);
    // Others are led there by the snapshot itself: no delta leads from one history to another.
    assert.equal(outcome.delta.previousRevision, 0);
  });

  it('is not replaced by what is left of the old one, unless config itself says so', () => {
    const apply = (word: Word) => applyFrame(stateOf(anew), rawFrame(old.snapshot()), word).kind;
    assert.equal(apply('replica'), 'ignored');
    assert.equal(apply('authority'), 'applied');
  });

  it('asks for a snapshot when its changes come first, and passes over those of the old one', () => {
    const held = stateOf(old);
    const [, second] = anew.frames;
    assert(second);
    assert.equal(applyFrame(held, rawFrame(second)).kind, 'mismatch');
    const [leftOver] = old.frames.slice(-1);
    assert(leftOver);
    assert.deepEqual(applyFrame(stateOf(anew), rawFrame(leftOver)), { kind: 'ignored', isSame: false });
  });

  it('is told from the old one only where both are known', () => {
    const unknown = history('', 9);
    assert.equal(applyFrame(stateOf(unknown), rawFrame(anew.snapshot()), 'authority').kind, 'ignored');
    assert.equal(compareLineage('', 'x'), 'same');
    assert.equal(compareLineage('x', undefined), 'same');
    assert.deepEqual([compareLineage('a', 'b'), compareLineage('b', 'a')], ['later', 'earlier']);
  });

  it('is kept on disk with its lineage', () => {
    assert.equal(readStateFile(stateFileBytes(stateOf(anew))).lineage, '2025-b');
  });

  it('takes the place of everything that was addressable', () => {
    const holdings = new Holdings({ now: () => 100 });
    holdings.put(stateOf(old), 90);
    holdings.put(stateOf(anew), 20);
    assert.equal(holdings.get(demo)?.revision, 3);
    assert.equal(holdings.programAt(demo, 9), undefined);
    assert.deepEqual(holdings.heldRange(demo), { oldest: 3, newest: 3 });
    assert.equal(holdings.standing(demo)?.ageMs, 80);
  });

  it('is found by a follower that holds the old one, and followed from there', async () => {
    const stream = new LossyStream();
    const models = [old];
    const holdings = new Holdings();
    const authority = new ModelAuthority(models);
    const fast = { pollMs: 20, pollWithoutStreamMs: 20 };
    const follower = new Follower({ holdings, source: stream, authority, logger: silentLogger, ...fast });
    await follower.start();
    try {
      await eventually(() => holdings.get(demo)?.revision === 9, 'the old one is held');
      models[0] = anew;
      await eventually(() => holdings.get(demo)?.lineage === '2025-b', 'the new one is held');
      stream.publish(anew.commit([gateEntity('more', 1)]), 'arrives');
      await eventually(() => holdings.get(demo)?.revision === 4, 'the next change is held');
      assert.equal(follower.counters.lineages_replaced, 1);
      assert.equal(follower.newestRevision(demo), 4);
    } finally {
      await follower.close();
    }
  });
});

describe('a snapshot that is applied some milliseconds at a time', () => {
  const model = new Model();
  const gates = Array.from({ length: 20_000 }, (_, at) => gateEntity(`gate-${at}`, at % 100));
  model.commit(gates);
  const frame = rawFrame(model.snapshot());

  it('lets others go first, and leads to the same', async () => {
    let turns = 0;
    let longestMs = 0;
    let last = performance.now();
    const count = (): void => {
      turns++;
      longestMs = Math.max(longestMs, performance.now() - last);
      last = performance.now();
      timer = setImmediate(count);
    };
    let timer = setImmediate(count);
    const sliced = await applyFrameSliced(emptyState(demo), frame);
    clearImmediate(timer);
    const startedMs = performance.now();
    const whole = applyFrame(emptyState(demo), frame);
    const wholeMs = performance.now() - startedMs;
    assert(sliced.kind === 'applied' && whole.kind === 'applied');
    assert(equalHashes(sliced.state.stateHash, whole.state.stateHash));
    assert.deepEqual([...sliced.state.ruleset.gates.keys()], [...whole.state.ruleset.gates.keys()]);
    assert(turns > 10, `${turns} turns`);
    // Against a run in one go, because a busy machine stands still by itself.
    assert(longestMs < Math.max(150, wholeMs / 2), `the loop stood still for ${longestMs} of ${wholeMs} ms`);
  });
});

describe('the digest of what is newest', () => {
  const at = (project: string, revision: number) => ({
    set: { project, environment: 'e' },
    revision,
    stateHash: Buffer.alloc(32, revision),
  });

  it('is the same in any order, and without sets that have no revision', () => {
    const digest = standingDigest([at('a', 1), at('b', 2)]);
    assert(digest.equals(standingDigest([at('b', 2), at('empty', 0), at('a', 1)])));
  });

  it('is another one for another revision, hash or set', () => {
    const digest = standingDigest([at('a', 1)]);
    const others = [[at('a', 2)], [at('b', 1)], [{ ...at('a', 1), stateHash: Buffer.alloc(32, 9) }], []];
    for (const other of others) assert(!digest.equals(standingDigest(other)));
  });
});

/** A stream that is connected and on which config is heard when it says something. */
class PulsingStream extends LossyStream {
  #hear: ((message: { data: Uint8Array }) => void) | undefined;

  subscribe(subject: string, onMessage: (message: { data: Uint8Array }) => void) {
    assert.equal(subject, pulseSubject);
    this.#hear = onMessage;
    return () => undefined;
  }

  pulse(models: readonly Model[]): void {
    const digest = standingDigest(models.map(({ set, revision, stateHash }) => ({ set, revision, stateHash })));
    this.#hear?.({ data: Pulse.encode({ instance: 'config-1', digest, sets: models.length, nowMs: 0 }).finish() });
  }
}

describe("config's pulse", () => {
  it('keeps what is held fresh, brings what is missing, and tells by its absence that the stream is dead', async () => {
    const model = history('2025-b', 2);
    const stream = new PulsingStream();
    let nowMs = 1_000;
    const holdings = new Holdings({ now: () => nowMs });
    const authority = new ModelAuthority([model]);
    const slow = { pollMs: 3_600_000, pollWithoutStreamMs: 10, silentAfterMs: 200, clock: { now: () => nowMs } };
    const follower = new Follower({ holdings, source: stream, authority, logger: silentLogger, ...slow });
    await follower.start();
    try {
      await eventually(() => holdings.get(demo)?.revision === 2, 'the first is held');
      nowMs = 50_000;
      assert.equal(holdings.standing(demo)?.ageMs, 49_000);
      stream.pulse([model]);
      assert.equal(holdings.standing(demo)?.ageMs, 0);
      assert.equal(follower.isStreamAlive(), true);
      model.commit([gateEntity('unheard', 1)]);
      stream.pulse([model]);
      await eventually(() => holdings.get(demo)?.revision === 3, 'what was not heard is fetched');
      await eventually(() => !follower.isStreamAlive(), 'the silence is noticed');
      assert.equal(follower.counters.stream_silences, 1);
      model.commit([gateEntity('unheard', 2)]);
      await eventually(() => holdings.get(demo)?.revision === 4, 'the next change is held');
      stream.pulse([model]);
      assert.equal(follower.isStreamAlive(), true);
    } finally {
      await follower.close();
    }
  });
});
