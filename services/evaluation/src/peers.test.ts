import assert from 'node:assert/strict';
import { Ack } from '@sluice/proto';
import { emptyState, type Standing } from '@sluice/replica';
import { outdone, Peers, Standby } from './peers.js';

const set = { project: 'shop', environment: 'production' };
const staleAfterMs = 1_000;

const standing = (revision: number, ageMs: number, lineage = 'b'): Standing => ({
  state: { ...emptyState(set), revision, lineage },
  ageMs,
});

describe('peers', () => {
  let nowMs = 0;
  let peers: Peers;
  beforeEach(() => {
    nowMs = 100_000;
    peers = new Peers('evaluation-1', { now: () => nowMs });
  });
  const hear = (part: Partial<Ack>): void =>
    peers.hear(Ack.fromPartial({ set, instance: 'evaluation-2', revision: 7, lineage: 'b', ageMs: 0, ...part }));
  const fresher = (revision: number, ageMs: number, lineage?: string) =>
    peers.fresherThan(standing(revision, ageMs, lineage), staleAfterMs);

  it('are fresher when they hold more, or the same and know that it is the newest', () => {
    hear({});
    assert.equal(fresher(6, 5_000), 'evaluation-2');
    assert.equal(fresher(7, 5_000), 'evaluation-2');
    assert.equal(fresher(8, 5_000), undefined);
  });

  it('are not when they are as stale themselves', () => {
    hear({ ageMs: 2_000 });
    assert.equal(fresher(7, 5_000), undefined);
    assert.equal(fresher(6, 5_000), 'evaluation-2');
    hear({ ageMs: undefined });
    assert.equal(fresher(7, 5_000), undefined);
    hear({ ageMs: 500 });
    nowMs += 600;
    assert.equal(fresher(7, 5_000), undefined, 'their word ages too');
  });

  it('count while they are heard, and never as oneself or for another set', () => {
    hear({ instance: 'evaluation-1' });
    hear({ set: { project: 'bank', environment: 'production' } });
    assert.equal(fresher(1, 5_000), undefined);
    hear({});
    nowMs += 3_001;
    assert.equal(fresher(1, 5_000), undefined);
  });

  it('of a later lineage hold more, whatever the numbers; of an earlier one they hold nothing', () => {
    hear({ revision: 1, lineage: 'c' });
    assert.equal(fresher(900, 5_000), 'evaluation-2');
    hear({ revision: 900, lineage: 'a' });
    assert.equal(fresher(1, 5_000), undefined);
  });
});

describe('readiness', () => {
  it('is lost only where an answer is past the limit and somebody has a better one', () => {
    const all = (...standings: Standing[]) => ({ all: () => standings });
    const somebody = { fresherThan: () => 'evaluation-2' };
    const nobody = { fresherThan: () => undefined };
    assert.equal(outdone(all(standing(1, 5_000)), nobody, staleAfterMs), undefined);
    assert.equal(outdone(all(standing(1, 500)), somebody, staleAfterMs), undefined);
    assert.deepEqual(outdone(all(standing(2, 0), standing(1, 5_000)), somebody, staleAfterMs), {
      set,
      peer: 'evaluation-2',
    });
  });

  it('is not lost for a moment in which others were faster', () => {
    let nowMs = 0;
    const standby = new Standby({ now: () => nowMs });
    const after = (ms: number, isOutdone: boolean): boolean => {
      nowMs += ms;
      return standby.stepsBack(isOutdone);
    };
    assert.equal(after(0, true), false);
    assert.equal(after(1_900, true), false);
    assert.equal(after(50, false), false);
    assert.equal(after(100, true), false);
    assert.equal(after(2_000, true), true);
    assert.equal(after(10, false), false);
  });
});
