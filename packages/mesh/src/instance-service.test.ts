import assert from 'node:assert/strict';
import type { HeldSet } from '@sluice/proto';
import { shownTo } from './instance-service.js';

const held = (project: string, environment: string): HeldSet => ({
  set: { project, environment },
  revision: 1,
  stateHash: Buffer.alloc(0),
  committedAtMs: 0,
  ageMs: 0,
});

describe('what an instance shows of itself', () => {
  const said = {
    sets: [held('shop', 'production'), held('shop', 'qa'), held('bank', 'production')],
    counters: { requests: 5 },
    missing: { nats: 'not connected' },
  };
  const seen = (project: string, environment = '') => {
    const { sets, ...rest } = shownTo({ project, environment }, said);
    return [sets.map(({ set }) => `${set?.project}/${set?.environment}`), rest];
  };

  it('is everything to a key for everything', () => {
    assert.deepEqual(shownTo({ project: '', environment: '' }, said), said);
  });

  it("is nothing of other projects' to a key of one", () => {
    const { missing } = said;
    assert.deepEqual(seen('shop'), [['shop/production', 'shop/qa'], { counters: {}, missing }]);
    assert.deepEqual(seen('shop', 'qa'), [['shop/qa'], { counters: {}, missing }]);
    assert.deepEqual(seen('other'), [[], { counters: {}, missing }]);
  });
});
