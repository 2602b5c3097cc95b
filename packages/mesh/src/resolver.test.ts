import assert from 'node:assert/strict';
import { HealthService } from '@sluice/proto';
import { createClient } from './client.js';
import { inTiers } from './resolver.js';
import { answer, meshKey, scripted, startScripted } from './test/scripted-server.js';

describe('inTiers', () => {
  const us = { id: 'a', address: '127.0.0.1:1', region: 'us' };
  const eu = { id: 'b', address: '127.0.0.1:2', region: 'eu' };

  it('sorts by the own region, wherever Consul found them', () => {
    assert.deepEqual(inTiers({ home: [us, eu], away: [] }, 'eu'), { home: [eu], away: [us] });
    assert.deepEqual(inTiers({ home: [us], away: [eu] }, 'eu'), { home: [eu], away: [us] });
    assert.deepEqual(inTiers({ home: [us], away: [] }, 'eu'), { home: [], away: [us] });
  });

  it('leaves whoever has no region at home in that of their Consul', () => {
    assert.deepEqual(inTiers({ home: [us], away: [eu] }, ''), { home: [us], away: [eu] });
  });
});

describe('a static target', () => {
  it('that nobody listens on fails the call and leaves the process alive', async () => {
    const client = createClient(HealthService, { target: 'static:///127.0.0.1:1' });
    await assert.rejects(client.check({ service: '' }, { timeoutMs: 2_000 }), { kind: 'unavailable' });
    client.close();
  });

  it('balances over two servers, and survives one being stopped', async () => {
    const counts = [0, 0];
    const servers = await Promise.all(
      counts.map((_, index) =>
        startScripted({
          getThing: () => {
            counts[index] = (counts[index] ?? 0) + 1;
            return answer;
          },
        }),
      ),
    );
    const [first, second] = servers;
    const target = `static:///${servers.map(({ address }) => address).join(',')}`;
    const client = createClient(scripted, { target, key: meshKey });
    const call = () => client.getThing({ service: '' }, { timeoutMs: 2_000 });
    try {
      // Calls go to the first connection that is there, so both are awaited.
      for (const until = Date.now() + 5_000; counts.includes(0); ) {
        await call();
        assert(Date.now() < until, `one server is never called: ${counts}`);
      }
      counts.fill(0);
      for (let calls = 0; calls < 20; calls++) await call();
      assert.deepEqual(counts, [10, 10]);
      await first?.stop(0);
      counts.fill(0);
      for (let calls = 0; calls < 20; calls++) await call();
      assert.deepEqual(counts, [0, 20]);
      await second?.stop(0);
      await assert.rejects(call(), { kind: 'unavailable' });
    } finally {
      client.close();
      await Promise.all(servers.map((server) => server.stop(0)));
    }
  });
});
