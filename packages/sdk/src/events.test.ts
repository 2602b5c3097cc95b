import assert from 'node:assert/strict';
import { ExposureKind } from '@sluice/proto';
import { Sluice, type SluiceOptions, type SourceBooks } from './index.js';
import { eventually, key, TestMesh } from './test/mesh.js';
import { configEntity, experimentEntity, gateEntity, layerEntity } from './test/model.js';

const user = { userID: 'u', customIDs: { companyID: 'acme' }, email: 'u@example.com' };

describe('exposures and events', () => {
  let mesh: TestMesh;
  const clients: Sluice[] = [];

  beforeEach(async () => {
    mesh = await new TestMesh().start();
    mesh.model.commit([
      gateEntity('on', 100),
      gateEntity('company', 100, 'companyID'),
      configEntity('theme', { color: 'red' }),
      experimentEntity('trial', { button: 'green' }, ['button']),
      layerEntity('checkout', { button: 'grey', size: 1 }, 'trial'),
    ]);
  });

  afterEach(async () => {
    for (const client of clients) assertBalanced(client.books());
    await Promise.all(clients.splice(0).map((client) => client.close({ timeoutMs: 100 })));
    await mesh.stop();
  });

  async function open(part: Partial<SluiceOptions> = {}): Promise<Sluice> {
    const client = new Sluice({ key, target: mesh.target, ingestionTarget: mesh.target, lingerMs: 5, ...part });
    clients.push(client);
    await client.ready();
    return client;
  }

  function assertBalanced({ generated, accepted, duplicate, rejected, dropped, inSpool, inFlight }: SourceBooks): void {
    const lost = [...Object.values(dropped), ...Object.values(rejected)].reduce((sum, count) => sum + count, 0);
    assert.equal(generated, accepted + duplicate + lost + inSpool + inFlight);
  }

  const exposures = () => mesh.events.flatMap(({ exposure }) => exposure ?? []);

  it('notes once a minute who saw what', async () => {
    const client = await open();
    for (let i = 0; i < 10; i++) client.checkGate('on', user);
    client.gate('on', user);
    client.checkGate('on', { userID: 'v' });
    client.checkGate('company', { ...user, userID: 'w' });
    client.checkGate('company', user);
    client.config('theme', user);
    client.experiment('trial', user);
    assert.equal(await client.flush(), true);
    const seen = exposures().map(({ kind, key, unitId, ruleId, groupName, gateValue, revision }) => [
      kind,
      key,
      unitId,
      ruleId,
      groupName,
      gateValue,
      revision,
    ]);
    assert.deepEqual(seen, [
      [ExposureKind.GATE, 'on', 'u', 'everyone', '', true, 1],
      [ExposureKind.GATE, 'on', 'v', 'everyone', '', true, 1],
      [ExposureKind.GATE, 'company', 'acme', 'everyone', '', true, 1],
      [ExposureKind.CONFIG, 'theme', 'u', 'everyone', '', false, 1],
      [ExposureKind.CONFIG, 'trial', 'u', 'test-rule', 'test', false, 1],
    ]);
    const { generated, accepted, dropped } = client.books();
    assert.deepEqual([generated, accepted, dropped.deduplicated], [16, 5, 11]);
  });

  it('counts another value of the same rule as another exposure', async () => {
    const client = await open();
    client.checkGate('on', user);
    mesh.model.commit([gateEntity('on', 0)]);
    mesh.tell();
    await client.waitForRevision(2);
    client.checkGate('on', user);
    await client.flush();
    assert.deepEqual(
      exposures().map(({ gateValue }) => gateValue),
      [true, false],
    );
  });

  it('notes parameters of layers when they are read, for the experiment that owns them', async () => {
    const client = await open();
    const layer = client.layer('checkout', user);
    assert.equal(client.books().generated, 0);
    layer.get('button', '');
    layer.get('button', '');
    layer.get('none', '');
    client.layer('checkout', user, { exposure: false }).get('button', '');
    await client.flush();
    const [exposure, ...others] = exposures();
    assert.deepEqual(others, []);
    assert.deepEqual(
      [exposure?.kind, exposure?.parameter, exposure?.allocatedExperiment, exposure?.groupName, exposure?.ruleId],
      [ExposureKind.LAYER, 'button', 'trial', 'test', 'test-rule'],
    );
  });

  it('notes nothing for unknown entities, units without an id, and on request', async () => {
    const client = await open();
    client.checkGate('none', user);
    client.checkGate('company', { userID: 'u' });
    client.checkGate('on', {});
    client.checkGate('on', user, { exposure: false });
    client.config('theme', user, { exposure: false });
    client.evaluateAll(user);
    assert.equal(client.books().generated, 0);
    const mute = await open({ disableExposureLogging: true });
    mute.checkGate('on', user);
    mute.log(user, 'paid');
    await mute.flush();
    assert.equal(mute.books().generated, 1);
  });

  it('sends events with value, metadata and user as they were, and nothing private', async () => {
    const client = await open();
    const mutable = { ...user, custom: { plan: 'pro', odd: Number.NaN }, privateAttributes: { age: 7 } };
    client.log(mutable, 'paid', { value: 12.5, metadata: { sku: 'a', nested: { b: [1] } } });
    mutable.custom.plan = 'changed';
    client.log(user, 'label', { value: 'blue' });
    await client.flush();
    const [paid, label] = mesh.events;
    assert.deepEqual(paid?.value, { $case: 'numberValue', value: 12.5 });
    assert.equal(paid?.metadataJson, '{"sku":"a","nested":{"b":[1]}}');
    assert.deepEqual(paid?.user?.custom, { plan: { kind: { $case: 'stringValue', value: 'pro' } } });
    assert.deepEqual(paid?.user?.privateAttributes, {});
    assert.match(paid?.id ?? '', /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
    assert.deepEqual(label?.value, { $case: 'stringValue', value: 'blue' });
  });

  it('tries again with the same ids until ingestion is back', async () => {
    const client = await open();
    mesh.isIngestionAway = true;
    client.log(user, 'paid');
    await eventually(() => mesh.batches.length >= 2);
    assert.equal(await client.flush({ timeoutMs: 10 }), false);
    mesh.isIngestionAway = false;
    assert.equal(await client.flush({ timeoutMs: 5_000 }), true);
    assert.equal(mesh.events.length, 1);
    assert.equal(new Set(mesh.batches.flatMap(({ events }) => events.map(({ id }) => id))).size, 1);
    assert.equal(client.books().accepted, 1);
  });

  it('keeps batches within their limits', async () => {
    const client = await open({ lingerMs: 60_000 });
    for (let i = 0; i < 1_200; i++) client.log({ userID: `u${i}` }, 'small');
    for (let i = 0; i < 200; i++) client.log(user, 'large', { metadata: { text: 'x'.repeat(15_000) } });
    assert.equal(await client.flush({ timeoutMs: 10_000 }), true);
    assert.equal(mesh.events.length, 1_400);
    assert.ok(mesh.batches.every(({ events }) => events.length <= 500));
    assert.ok(mesh.batches.length >= 6);
  });

  it('drops what does not fit, and counts it', async () => {
    const client = await open({ queueEventsMax: 3 });
    mesh.isIngestionAway = true;
    for (let i = 0; i < 5; i++) client.log(user, 'paid');
    client.log(user, 'huge', { metadata: { text: 'x'.repeat(2_000_000) } });
    assert.equal(client.books().dropped.queueFull, 3);
    assert.equal(client.books().inFlight, 3);
    await client.close({ timeoutMs: 10 });
    assert.equal(client.books().dropped.closed, 3);
    client.log(user, 'late');
    assert.equal(client.books().dropped.closed, 4);
    assert.equal(client.checkGate('on', user), true);
  });

  it('drops events that are too large alone, and batches that are refused', async () => {
    const client = await open();
    client.log(user, 'huge', { metadata: { text: 'x'.repeat(300_000) } });
    await client.flush();
    assert.equal(client.books().dropped.unfit, 1);
    const stranger = await open({ bootstrap: mesh.model.snapshot().bytes, ingestionTarget: mesh.target, key: 'wrong' });
    stranger.log(user, 'paid');
    assert.equal(await stranger.flush({ timeoutMs: 50 }), false);
  });

  it('lets an event that spoils its request cost no other', async () => {
    const client = await open({ lingerMs: 60_000 });
    mesh.unreadable.add('bad');
    for (let at = 0; at < 300; at++) client.log(user, at === 17 || at === 200 ? 'bad' : 'good');
    assert.equal(await client.flush({ timeoutMs: 10_000 }), true);
    const { accepted, rejected, dropped, inFlight } = client.books();
    assert.deepEqual([accepted, rejected, dropped.refused, inFlight], [298, {}, 2, 0]);
    assert.equal(new Set(mesh.events.map(({ id }) => id)).size, 298);
    // Whatever parts it travels in, each event keeps its number.
    const numbers = new Map<string, Set<number>>();
    for (const { events, sequence = 0 } of mesh.batches) {
      for (const [at, { id }] of events.entries())
        numbers.set(id, (numbers.get(id) ?? new Set<number>()).add(sequence + at));
    }
    assert.ok([...numbers.values()].every(({ size }) => size === 1));
    assert.ok(mesh.batches.length <= 40, `${mesh.batches.length} requests`);
  });

  it('gives up looking for the good ones among many that spoil their request', async () => {
    const client = await open({ lingerMs: 60_000 });
    mesh.unreadable.add('bad');
    for (let at = 0; at < 300; at++) client.log(user, 'bad');
    assert.equal(await client.flush({ timeoutMs: 10_000 }), true);
    assert.equal(client.books().dropped.refused, 300);
    assert.ok(mesh.batches.length <= 50, `${mesh.batches.length} requests`);
  });

  it('notes an exposure again that the full queue did not take', async () => {
    const client = await open({ queueEventsMax: 1 });
    mesh.isIngestionAway = true;
    client.log(user, 'first');
    client.checkGate('on', user);
    assert.deepEqual([client.books().dropped.queueFull, client.books().dropped.deduplicated], [1, 0]);
    mesh.isIngestionAway = false;
    assert.equal(await client.flush({ timeoutMs: 5_000 }), true);
    client.checkGate('on', user);
    client.checkGate('on', user);
    await client.flush();
    assert.equal(exposures().length, 1);
    assert.equal(client.books().dropped.deduplicated, 1);
  });

  it('refuses events clearly when nobody takes them', async () => {
    const told: string[] = [];
    const { silentLogger } = await import('@sluice/mesh');
    const logger = silentLogger.child({});
    logger.warn = (...args: unknown[]) => void told.push(String(args.at(-1)));
    const client = await open({ ingestionTarget: undefined, logger });
    client.log(user, 'paid');
    client.log(user, 'paid');
    assert.equal(client.books().dropped.noTarget, 2);
    assert.deepEqual(told, ['no ingestionTarget is set: events are dropped; give one to send them']);
  });
});
