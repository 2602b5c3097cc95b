import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HealthService } from '@sluice/proto';
import { createClient } from './client.js';
import { EndpointMemory } from './endpoint-memory.js';
import { inTiers, withRemembered } from './resolver.js';
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

describe('withRemembered', () => {
  const us = { id: 'a', address: '127.0.0.1:1', region: 'us' };
  const eu = { id: 'b', address: '127.0.0.1:2', region: 'eu' };
  const ap = { id: 'c', address: '127.0.0.1:3', region: 'ap' };

  it('keeps those of regions that have not answered yet', () => {
    const sighting = { home: [us], away: [], heard: new Set(['us']) };
    assert.deepEqual(withRemembered(sighting, [eu, ap], 'us'), { home: [us], away: [eu, ap] });
  });

  it('believes a region once it has answered, also that nobody is there', () => {
    const moved = { ...eu, address: '127.0.0.1:9' };
    const sighting = { home: [us], away: [moved], heard: new Set(['us', 'eu', 'ap']) };
    assert.deepEqual(withRemembered(sighting, [eu, ap], 'us'), { home: [us], away: [moved] });
  });

  it('believes a region that was found in a datacenter of another name', () => {
    const sighting = { home: [us], away: [{ ...eu, id: 'd' }], heard: new Set(['dc1', 'dc2']) };
    assert.deepEqual(withRemembered(sighting, [eu], 'us').away, [{ ...eu, id: 'd' }]);
  });

  it('never brings back those of the own region', () => {
    const sighting = { home: [], away: [eu], heard: new Set(['eu']) };
    assert.deepEqual(withRemembered(sighting, [us], 'us'), { home: [], away: [eu] });
  });
});

describe('a consul target', function () {
  this.timeout(20_000);

  /** A Consul that takes connections and never says a word, as one does that is frozen. */
  async function withFrozenConsul(use: (consulAddr: string) => Promise<void>): Promise<void> {
    const sockets = new Set<Socket>();
    const server = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      await use(`127.0.0.1:${(server.address() as AddressInfo).port}`);
    } finally {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  it('is found from memory, soon, while Consul is frozen', async () => {
    const endpointsDir = mkdtempSync(join(tmpdir(), 'sluice-resolver-'));
    const server = await startScripted();
    const instance = { id: 'scripted-1', address: server.address, region: 'us' };
    new EndpointMemory(endpointsDir, 'scripted').write({ home: [instance], away: [] });
    try {
      await withFrozenConsul(async (consulAddr) => {
        const target = 'consul:///scripted';
        const client = createClient(scripted, { target, consulAddr, region: 'us', endpointsDir, key: meshKey });
        try {
          await client.getThing({ service: '' }, { timeoutMs: 5_000 });
        } finally {
          client.close();
        }
      });
    } finally {
      await server.stop(0);
      rmSync(endpointsDir, { recursive: true, force: true });
    }
  });

  it('that is in no memory fails soon, and says that Consul does not answer', () =>
    withFrozenConsul(async (consulAddr) => {
      const client = createClient(scripted, { target: 'consul:///scripted', consulAddr, key: meshKey });
      try {
        await assert.rejects(client.getThing({ service: '' }, { timeoutMs: 15_000 }), {
          kind: 'unavailable',
          message: new RegExp(`scripted can't be found: Consul at ${consulAddr} does not answer`),
        });
      } finally {
        client.close();
      }
    }));
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
