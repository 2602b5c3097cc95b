/** The SDK on a real mesh: what it answers when all is well, and when everything is dead. */
import assert from 'node:assert/strict';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { OpenFeature } from '@openfeature/server-sdk';
import { type Client, createClient } from '@sluice/mesh';
import { LedgerServiceService } from '@sluice/proto';
import { RemoteSluice, type RemoteSluiceOptions, Sluice, type SluiceClient, type SluiceOptions } from '@sluice/sdk';
import { SluiceProvider } from '@sluice/sdk/openfeature';
import { checkout } from '@sluice/stack';
import { eventually, goal, startMesh, type TestMesh, temporaryFolder } from '@sluice/testkit';
import { type Cuttable, cuttable } from './cuttable.js';

const staff = { userID: 'ada', email: 'ada@storefront.example' };
const noStaff = { userID: 'somebody', country: 'FR' };

describe('the SDK', function () {
  this.timeout(90_000);
  let mesh: TestMesh;
  let key: string;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let proxy: Cuttable;
  let ledger: Client<typeof LedgerServiceService>;
  const clients: (Sluice | RemoteSluice)[] = [];

  before(async () => {
    [mesh, folder] = await Promise.all([startMesh(), temporaryFolder()]);
    await json('apply', join(checkout, 'examples/storefront.yaml'));
    key = String((await json('key', 'create', '--class', 'server', '--label', 'a-test')).secret);
    proxy = await cuttable(mesh.process('evaluation-1').address);
    ledger = createClient(LedgerServiceService, {
      target: `static:///${mesh.process('ingestion-1').address}`,
      key: mesh.rootKey,
    });
  });

  after(async () => {
    await Promise.all(clients.map((client) => client.close({ timeoutMs: 100 })));
    ledger?.close();
    await proxy?.close();
    await mesh?.stop();
    await folder?.remove();
  });

  async function json(...args: string[]): Promise<Record<string, unknown>> {
    const { code, stdout, stderr } = await mesh.sluice(...args, '--json');
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout) as Record<string, unknown>;
  }

  const places = () => ({ key, target: 'consul:///evaluation', consulAddr: mesh.consulAddr, region: mesh.region });

  function open(part: Partial<SluiceOptions> = {}): Sluice {
    const client = new Sluice({ ...places(), ...part });
    clients.push(client);
    return client;
  }

  function openRemote(part: Partial<RemoteSluiceOptions> = {}): RemoteSluice {
    const client = new RemoteSluice({ ...places(), ...part });
    clients.push(client);
    return client;
  }

  /** Rolls a gate out to all or to nobody, and waits for no evaluator. @returns the new revision. */
  async function setGate(name: string, percent: number): Promise<number> {
    const { revision } = await json('gate', 'set', name, '--rollout', String(percent));
    return Number(revision);
  }

  const set = { project: 'storefront', environment: 'development' };

  const exposuresOf = async (entity: string) =>
    (await ledger.getExposures({ set, key: entity, isDaily: false }, { timeoutMs: 5_000 })).groups;

  it('finds evaluators through Consul and answers as they do', async () => {
    const local = open();
    const remote = openRemote();
    await local.ready();
    for (const user of [staff, noStaff]) {
      const [here, there] = [local.evaluateAll(user), await remote.evaluateAll(user)];
      assert.equal(here.revision, there.revision);
      assert.ok(here.gates.size >= 5);
      for (const answers of ['gates', 'configs', 'layers'] as const) {
        const plain = (all: typeof here) =>
          [...all[answers].values()]
            .map(({ name, value, ruleID, reason }) => ({ name, value, ruleID, reason }))
            .sort((left, right) => (left.name < right.name ? -1 : 1));
        assert.deepEqual(plain(here), plain(there));
      }
    }
    assert.equal(await remote.checkGate('express-checkout', staff, { exposure: false }), true);
    assert.equal((await remote.gate('none', staff)).errorCode, 'FLAG_NOT_FOUND');
  });

  it('is one interface, whoever decides', async () => {
    const clients: SluiceClient[] = [
      open({ disableExposureLogging: true }),
      openRemote({ disableExposureLogging: true }),
    ];
    const seen = [];
    for (const client of clients) {
      await client.ready();
      const { revision } = client.status();
      await client.waitForRevision(revision);
      const document = await client.clientInitializeResponse(staff, {
        hashAlgorithm: 'none',
        keep: { layers: new Set() },
      });
      client.overrides.gate('express-checkout', false, 'ada');
      seen.push({
        revision,
        pinned: (await client.pin()).revision,
        kinds: await Promise.all(['express-checkout', 'checkout', 'none'].map((name) => client.kindOf(name))),
        forced: await client.checkGate('express-checkout', staff),
        store: (await client.parameterStore('none', staff)).errorCode,
        gates: document?.feature_gates,
        user: document?.user,
      });
    }
    assert.deepEqual(seen[1], seen[0]);
    assert.deepEqual(seen[0]?.kinds, ['gate', 'layer', undefined]);
  });

  it('reads its own change', async () => {
    const client = open({ disableExposureLogging: true });
    await client.ready();
    for (const percent of [0, 100, 0]) {
      await client.waitForRevision(await setGate('winter-sale', percent));
      const gate = client.gate('winter-sale', noStaff);
      assert.equal(gate.isStale, false);
      assert.ok(gate.ageMs < 5_000);
    }
  });

  it('counts exposures and events once in PostgreSQL', async () => {
    const client = open();
    await client.ready();
    const users = Array.from({ length: 50 }, (_, at) => ({ userID: `unit-${at}` }));
    for (let round = 0; round < 3; round++) for (const user of users) client.checkGate('gift-cards', user);
    for (const user of users) client.log(user, 'sdk-paid', { value: 2, metadata: { sku: 'a' } });
    assert.equal(await client.flush({ timeoutMs: 10_000 }), true);
    const { generated, accepted, dropped } = client.books();
    assert.deepEqual([generated, accepted, dropped.deduplicated], [200, 100, 100]);
    await eventually(async () => {
      const groups = await exposuresOf('gift-cards');
      const sum = (of: 'units' | 'exposures') => groups.reduce((total, group) => total + group[of], 0);
      assert.deepEqual([sum('units'), sum('exposures')], [50, 50]);
    });
    await eventually(async () => {
      const events = await ledger.getEvents({ set, name: 'sdk-paid' }, { timeoutMs: 5_000 });
      assert.deepEqual([events.count, events.sum, events.units], [50, 100, 50]);
    });
  });

  it('sees a change within 2 s after its connection was cut, or went dead', async () => {
    const client = open({ target: `static:///${proxy.address}`, disableExposureLogging: true });
    await client.ready();
    for (const harm of ['cut', 'freeze'] as const) {
      await eventually(() => client.status().isConnected);
      proxy[harm]();
      const changedAtMs = Date.now();
      const revision = await setGate('winter-sale', harm === 'cut' ? 100 : 0);
      await client.waitForRevision(revision);
      // A connection that went dead is noticed by keep-alives first: 1.5 s.
      const limitMs = harm === 'cut' ? 2_000 : 4_000;
      assert.ok(Date.now() - changedAtMs < limitMs, `${harm}: ${Date.now() - changedAtMs} ms`);
    }
  });

  it('serves OpenFeature', async () => {
    const context = { targetingKey: 'ada', email: 'ada@storefront.example' };
    for (const [domain, client] of Object.entries({ local: open(), remote: openRemote() })) {
      await OpenFeature.setProviderAndWait(domain, new SluiceProvider(client));
      const feature = OpenFeature.getClient(domain);
      const details = await feature.getBooleanDetails('express-checkout', false, context);
      assert.deepEqual([details.value, details.reason], [true, 'TARGETING_MATCH']);
      // The evaluators may still be learning of the last change.
      const { revision = 0 } = details.flagMetadata;
      assert(Number(revision) > 0 && Number(revision) <= client.status().revision);
      const missing = await feature.getStringDetails('express-checkout.none', 'x', context);
      assert.deepEqual([missing.value, missing.errorCode], ['x', 'FLAG_NOT_FOUND']);
    }
    await OpenFeature.close();
  });

  it('goes on answering with everything dead, and starts from disk or a bootstrap', async () => {
    const stateDir = join(folder.path, 'sdk');
    const living = open({ stateDir, staleAfterMs: 1_500 });
    await living.ready();
    const saved = await eventually(async () => {
      const file = (await readdir(stateDir)).find((name) => name.endsWith('.ruleset'));
      assert(file);
      return join(stateDir, file);
    });
    const { revision } = living.status();
    for (const name of ['evaluation-1', 'config-1', 'ingestion-1', 'health-1', 'nats', 'postgres', 'consul']) {
      await mesh.process(name).kill();
    }
    assert.equal(living.checkGate('express-checkout', staff), true);
    await eventually(() => living.gate('express-checkout', staff).reason === 'STALE');

    const startedAtMs = performance.now();
    const cold = open({ stateDir });
    await cold.ready();
    assert.equal(cold.checkGate('express-checkout', staff), true);
    assert.ok(performance.now() - startedAtMs < goal(1_000), 'it waited for somebody');
    assert.deepEqual([cold.status().source, cold.status().revision], ['disk', revision]);

    const booted = open({ bootstrap: saved });
    assert.equal(booted.checkGate('express-checkout', staff), true);
    assert.deepEqual([booted.status().source, booted.status().revision], ['bootstrap', revision]);

    booted.log(staff, 'lost');
    await booted.close({ timeoutMs: 100 });
    assert.equal(booted.books().dropped.closed, booted.books().generated);
  });
});
