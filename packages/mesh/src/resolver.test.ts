import assert from 'node:assert/strict';
import { HealthService } from '@sluice/proto';
import { createClient } from './client.js';
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

describe('a static target', () => {
  it('that nobody listens on fails the call and leaves the process alive', async () => {
    const client = createClient(HealthService, { target: 'static:///127.0.0.1:1' });
    await assert.rejects(client.check({ service: '' }, { timeoutMs: 2_000 }), { kind: 'unavailable' });
    client.close();
  });
});
