import assert from 'node:assert/strict';
import { unavailable } from '@sluice/mesh';
import { Holdings, snapshotFrame } from '@sluice/replica';
import { type Bases, basisLater, basisNow, type Patience, unknownSet, type Wanted } from './basis.js';
import { Replays } from './replays.js';
import { handlingOf, hold, holdingsOf, set } from './test/held.js';

const wanted = (part: Partial<Wanted> = {}): Wanted => ({ set, minRevision: 0, atRevision: 0, ...part });
const patient = (ms = 1_000): Patience => ({ remainingMs: () => ms, signal: new AbortController().signal });
const revisionNow = (bases: Bases, part: Partial<Wanted> = {}) => basisNow(bases, wanted(part))?.provenance.revision;

/** As if config had its first revision only. */
function withConfig(bases: Bases): Bases {
  const past = holdingsOf([1]).get(set) ?? assert.fail();
  const fetchSnapshot = async (_: unknown, __: unknown, revision?: number): Promise<Uint8Array> => {
    if (revision !== 1) throw unavailable('config is away');
    return snapshotFrame(past).bytes;
  };
  return { ...bases, replays: new Replays({ fetchSnapshot }) };
}

describe('what is decided from', () => {
  it('is the newest, when that is new enough', () => {
    const bases = handlingOf(holdingsOf([1, 2, 3]));
    assert.equal(revisionNow(bases), 3);
    assert.equal(revisionNow(bases, { minRevision: 3 }), 3);
    assert.equal(revisionNow(bases, { minRevision: 4 }), undefined);
    assert.equal(revisionNow(handlingOf(new Holdings())), undefined);
  });

  it('is the pinned revision or the one to replay, when they are held', () => {
    const bases = handlingOf(holdingsOf([1, 2, 3]));
    assert.equal(revisionNow(bases, { pin: 2 }), 2);
    assert.equal(revisionNow(bases, { pin: 3 }), 3);
    assert.equal(revisionNow(bases, { pin: 9 }), undefined);
    assert.equal(revisionNow(bases, { atRevision: 1, pin: 2 }), 1);
    assert.equal(revisionNow(bases, { atRevision: 9 }), undefined);
    assert.throws(() => revisionNow(bases, { pin: 2, minRevision: 3 }), { kind: 'precondition' });
  });

  it('is stale when it is old, but a past revision is not', () => {
    let nowMs = 0;
    const holdings = new Holdings({ now: () => nowMs });
    hold(holdings, 1);
    nowMs = Date.now() + 61_000;
    const bases = handlingOf(holdings);
    assert.equal(basisNow(bases, wanted())?.provenance.isStale, true);
    assert.equal(basisNow(bases, wanted({ pin: 1 }))?.provenance.isStale, true);
    assert.equal(basisNow(bases, wanted({ atRevision: 1 }))?.provenance.isStale, false);
  });

  it('is waited for, and hurried', async () => {
    const holdings = holdingsOf([1]);
    let hurries = 0;
    const bases = { ...handlingOf(holdings), follower: { hurry: () => void hurries++ } };
    let parked = 0;
    const waiting = basisLater(bases, wanted({ minRevision: 2 }), { ...patient(), park: () => void parked++ });
    hold(holdings, 2);
    assert.equal((await waiting).provenance.revision, 2);
    assert.deepEqual([hurries, parked], [1, 1]);
  });

  it('is refused when it does not come in time, with what is held', async () => {
    const bases = handlingOf(holdingsOf([1]));
    await assert.rejects(basisLater(bases, wanted({ minRevision: 7 }), patient(5)), {
      kind: 'precondition',
      message: /revision 7 of shop\/production is not here yet, revision 1 is/,
    });
    await assert.rejects(basisLater(bases, wanted({ pin: 7 }), patient(5)), {
      kind: 'precondition',
      message: /pinned to revision 7 of shop\/production, and revision 1 is held/,
    });
    await assert.rejects(basisLater(bases, wanted({ set: { ...set, environment: 'x' } }), patient()), {
      kind: 'not_found',
    });
  });

  it('is fetched when it is gone: to replay it, or for services that are pinned to it', async () => {
    const revisions = Array.from({ length: 40 }, (_, at) => at + 1);
    const bases = withConfig(handlingOf(holdingsOf(revisions)));
    assert.equal((await basisLater(bases, wanted({ atRevision: 1 }), patient())).provenance.revision, 1);
    assert.equal((await basisLater(bases, wanted({ pin: 1, mayFetch: true }), patient())).provenance.revision, 1);
    const held = /and revisions 9 to 40 are held/;
    await assert.rejects(basisLater(bases, wanted({ pin: 1 }), patient()), { kind: 'precondition', message: held });
    await assert.rejects(basisLater(bases, wanted({ pin: 2, mayFetch: true }), patient()), { message: held });
  });

  it('is of no set that nobody knows, and says which half of its name is wrong', () => {
    const holdings = holdingsOf([1]);
    assert.match(
      unknownSet(holdings, { ...set, environment: 'x' }).message,
      /^set\.environment: shop has no ruleset in x/,
    );
    assert.match(unknownSet(holdings, { ...set, project: 'x' }).message, /^set\.project: x has no ruleset/);
  });
});
