import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { Scope, silentLogger } from '@sluice/mesh';
import { ConsulWatch } from './consul-watch.js';

async function until(condition: () => boolean): Promise<void> {
  const giveUpAtMs = Date.now() + 8_000;
  while (!condition()) {
    if (Date.now() > giveUpAtMs) assert.fail('the condition did not come true');
    await sleep(10);
  }
}

const entry = {
  Service: { ID: 'evaluation-1', Address: '10.0.0.1', Port: 7_440, Meta: { region: 'eu' } },
  Node: { Address: '10.0.0.1', Datacenter: 'eu' },
  Checks: [],
};

describe('the watch of Consul', function () {
  this.timeout(20_000);
  let consul: Server;
  let scope: Scope;
  let watch: ConsulWatch;
  /** Called when a plain question was answered. */
  let answered: () => void;
  let mood: 'well' | 'sick' | 'silent';
  const seen = new Map<string, string[]>();

  beforeEach(async () => {
    seen.clear();
    mood = 'well';
    answered = () => undefined;
    scope = new Scope();
    // Speaks as Consul does, or does not speak at all.
    consul = createServer(({ url = '' }, response) => {
      if (mood === 'silent') return;
      // A question that waits for changes stays without an answer: nothing changes here.
      if (url.includes('index=') && !url.includes('index=0')) return;
      const body = url.startsWith('/v1/health/service/evaluation') ? [entry] : [];
      response.writeHead(mood === 'sick' ? 500 : 200, { 'content-type': 'application/json', 'x-consul-index': '7' });
      response.end(JSON.stringify(body));
      if (url.startsWith('/v1/health/service/health') && !url.includes('stale')) answered();
    });
    await new Promise<void>((resolve) => consul.listen(0, '127.0.0.1', resolve));
    watch = new ConsulWatch({
      consulAddr: `127.0.0.1:${(consul.address() as AddressInfo).port}`,
      logger: silentLogger,
      onInstances: (service, instances) =>
        seen.set(
          service,
          instances.map(({ id, region }) => `${region}/${id}`),
        ),
    });
  });

  afterEach(async () => {
    await scope.close();
    consul.closeAllConnections();
    await new Promise((resolve) => consul.close(resolve));
  });

  it('is not to be believed before Consul was asked, but no fault either', () => {
    assert.deepEqual([watch.fault, watch.seenFault, watch.isAsked], ['Consul was not asked yet', undefined, false]);
  });

  it('tells the instances of every service', async () => {
    watch.start(scope);
    await until(() => watch.isAsked && seen.size === 4);
    assert.equal(watch.fault, undefined);
    assert.deepEqual(seen.get('evaluation'), ['eu/evaluation-1']);
  });

  it('asks twice at first before it says that Consul is away', async () => {
    mood = 'sick';
    answered = () => {
      mood = 'well';
    };
    watch.start(scope);
    await until(() => watch.isAsked);
    assert.equal(watch.fault, undefined);
  });

  it('names the fault when Consul fails, hangs, and that it is over', async () => {
    watch.start(scope);
    await until(() => watch.isAsked && watch.fault === undefined);
    mood = 'sick';
    await until(() => watch.seenFault !== undefined);
    mood = 'well';
    await until(() => watch.fault === undefined);
    mood = 'silent';
    await until(() => watch.seenFault !== undefined);
  });
});
