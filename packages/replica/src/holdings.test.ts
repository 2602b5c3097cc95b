import assert from 'node:assert/strict';
import { Holdings, programsKept } from './holdings.js';
import { rawFrame } from './raw-frame.js';
import { applyFrame, emptyState, type ReplicaState } from './replica.js';
import { demo, gateEntity, keyEntity, Model } from './test/model.js';

function statesOf(model: Model, count: number): ReplicaState[] {
  const states: ReplicaState[] = [];
  let state = emptyState(model.set);
  for (let at = 1; at <= count; at++) {
    const outcome = applyFrame(state, rawFrame(model.commit([gateEntity('a', at % 100)])));
    assert(outcome.kind === 'applied');
    state = outcome.state;
    states.push(state);
  }
  return states;
}

describe('holdings', () => {
  it('keep the newest state, and the last revisions addressable', () => {
    const holdings = new Holdings();
    const states = statesOf(new Model(), programsKept + 8);
    for (const state of states) holdings.put(state, 0);
    assert.equal(holdings.get(demo), states.at(-1));
    assert.equal(holdings.programAt(demo, 8), undefined);
    assert.equal(holdings.programAt(demo, 9), states[8]?.program);
    holdings.put(states[0] ?? emptyState(demo), 0);
    assert.equal(holdings.get(demo), states.at(-1));
  });

  it('tell the age by the last confirmation', () => {
    let now = 1_000;
    const holdings = new Holdings({ now: () => now });
    const [state] = statesOf(new Model(), 1);
    holdings.put(state ?? emptyState(demo), 400);
    assert.equal(holdings.standing(demo)?.ageMs, 600);
    holdings.confirm(demo, 900.25);
    holdings.confirm(demo, 500);
    assert.equal(holdings.standing(demo)?.ageMs, 100);
    now = 0;
    assert.equal(holdings.standing(demo)?.ageMs, 0);
  });

  it('wake those who wait for a revision, and let the others give up', async () => {
    const holdings = new Holdings();
    const [first, second] = statesOf(new Model(), 2);
    assert(first && second);
    assert.equal(await holdings.waitFor(demo, 1, 1_000), false);
    holdings.put(first, 0);
    assert.equal(await holdings.waitFor(demo, 1, 0), true);
    const waiting = holdings.waitFor(demo, 2, 60_000);
    const impatient = holdings.waitFor(demo, 3, 10);
    const aborting = new AbortController();
    const gone = holdings.waitFor(demo, 3, 60_000, aborting.signal);
    holdings.put(second, 0);
    aborting.abort();
    assert.deepEqual(await Promise.all([waiting, impatient, gone]), [true, false, false]);
  });

  it('find keys in every set, and wait for one that is being made', async () => {
    const holdings = new Holdings();
    const model = new Model();
    const outcome = applyFrame(emptyState(demo), rawFrame(model.commit([keyEntity('k', 'demo', 'production')])));
    assert(outcome.kind === 'applied');
    const waiting = holdings.waitForGrant('k', 60_000);
    const inVain = holdings.waitForGrant('unknown', 10);
    holdings.put(outcome.state, 0);
    assert.equal((await waiting)?.project, 'demo');
    assert.equal(await inVain, undefined);
    assert.equal(holdings.findGrant('k')?.environment, 'production');
  });
});
