import assert from 'node:assert/strict';
import { ownRegionFirst } from './resolver.js';

describe('ownRegionFirst', () => {
  const us = { id: 'a', address: '127.0.0.1:1', region: 'us' };
  const eu = { id: 'b', address: '127.0.0.1:2', region: 'eu' };

  it('keeps to the own region while it has instances', () => {
    assert.deepEqual(ownRegionFirst([us, eu], 'eu'), [eu]);
  });

  it('takes any region when the own one is empty', () => {
    assert.deepEqual(ownRegionFirst([us], 'eu'), [us]);
  });
});
