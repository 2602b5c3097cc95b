import assert from 'node:assert/strict';
import { eventually, TestProcess, withDatabase, withNats, withServers } from './index.js';

describe('brackets', () => {
  it('give an empty database and drop it', async function () {
    this.timeout(60_000);
    const first = await withDatabase(async (url) => url);
    const second = await withDatabase(async (url) => url);
    assert.match(first, /^postgres:\/\/sluice:.+@127\.0\.0\.1:\d+\/test_[0-9a-f]{12}$/);
    assert.notEqual(first, second);
  });

  it('give a nats-server that can be killed and brought back where it was', async () => {
    await withNats(async (url, nats) => {
      assert.equal(url, `nats://${nats.address}`);
      await nats.kill();
      assert.equal(nats.isRunning, false);
      await nats.start();
      assert.equal(nats.isRunning, true);
    });
  });

  it('give a Consul with a leader, and leave nothing behind', async () => {
    const seen: TestProcess[] = [];
    await withServers({ consul: true, region: 'north' }, async ({ consul, consulAddr }) => {
      assert(consul instanceof TestProcess);
      seen.push(consul);
      const response = await fetch(`http://${consulAddr}/v1/agent/self`);
      const { Config } = (await response.json()) as { Config: { Datacenter: string } };
      assert.equal(Config.Datacenter, 'north');
    });
    await eventually(() => seen.every(({ isRunning }) => !isRunning));
  });
});
