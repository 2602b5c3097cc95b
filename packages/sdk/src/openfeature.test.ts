import assert from 'node:assert/strict';
import { OpenFeature, ProviderEvents } from '@openfeature/server-sdk';
import { Sluice } from './index.js';
import { SluiceProvider } from './openfeature.js';
import { eventually, key, TestMesh } from './test/mesh.js';
import { configEntity, experimentEntity, gateEntity, layerEntity } from './test/model.js';

const context = { targetingKey: 'u', email: 'u@example.com', customIDs: { companyID: 'acme' }, plan: 'pro' };

describe('SluiceProvider', () => {
  let mesh: TestMesh;
  let sluice: Sluice;

  beforeEach(async () => {
    mesh = await new TestMesh().start();
    mesh.model.commit([
      gateEntity('on', 100),
      gateEntity('company', 100, 'companyID'),
      gateEntity('dotted.gate', 100),
      gateEntity('theme', 100),
      configEntity('theme', { color: 'red', size: 10, dark: true, tags: ['a'] }),
      configEntity('theme.v2', { color: 'blue' }),
      experimentEntity('trial', { button: 'green' }, ['button']),
      layerEntity('checkout', { button: 'grey', size: 1 }, 'trial'),
    ]);
    sluice = new Sluice({ key, target: mesh.target, ingestionTarget: mesh.target, lingerMs: 5, staleAfterMs: 500 });
    await OpenFeature.setProviderAndWait(new SluiceProvider(sluice, { staleCheckMs: 20 }));
  });

  afterEach(async () => {
    await OpenFeature.close();
    OpenFeature.clearProviders();
    await mesh.stop();
  });

  const client = () => OpenFeature.getClient();

  it('answers booleans by gates, with reason, variant and metadata', async () => {
    const details = await client().getBooleanDetails('on', false, context);
    assert.equal(details.value, true);
    assert.equal(details.reason, 'STATIC');
    assert.equal(details.variant, 'everyone');
    assert.equal(details.flagMetadata.revision, 1);
    assert.equal(details.flagMetadata.version, '1');
    assert.equal(details.flagMetadata.ruleId, 'everyone');
    assert.ok(Number(details.flagMetadata.ageMs) < 5_000);
    assert.equal(await client().getBooleanValue('dotted.gate', false, context), true);
    assert.equal(await client().getBooleanValue('theme.dark', false, context), true);
    assert.equal(await client().getBooleanValue('theme', false, context), true);
  });

  it('answers the rest by configs, experiments and layers, or a parameter of them', async () => {
    assert.equal(await client().getStringValue('theme.color', 'x', context), 'red');
    assert.equal(await client().getStringValue('theme.v2.color', 'x', context), 'blue');
    assert.equal(await client().getNumberValue('theme.size', 1, context), 10);
    assert.deepEqual(await client().getObjectValue('theme.tags', {}, context), ['a']);
    assert.deepEqual(await client().getObjectValue('theme.v2', {}, context), { color: 'blue' });
    const trial = await client().getStringDetails('trial.button', 'x', context);
    assert.deepEqual([trial.value, trial.variant, trial.reason], ['green', 'test', 'SPLIT']);
    assert.equal(await client().getStringValue('checkout.button', 'x', context), 'green');
  });

  it('exposes what is seen of a layer, and nothing where the default is given', async () => {
    await client().getNumberValue('checkout.button', 7, context);
    await client().getStringValue('checkout', 'x', context);
    await client().getStringValue('checkout.none', 'x', context);
    assert.equal(sluice.books().generated, 0);
    assert.deepEqual(await client().getObjectValue('checkout', {}, context), { button: 'green' });
    await client().getStringValue('checkout.button', 'x', context);
    await sluice.flush();
    const seen = mesh.events.map(({ exposure }) => [exposure?.key, exposure?.parameter, exposure?.allocatedExperiment]);
    assert.deepEqual(seen, [['checkout', 'button', 'trial']]);
  });

  it('says why it gives the default', async () => {
    const asked = [
      [await client().getBooleanDetails('none', true, context), true, 'FLAG_NOT_FOUND'],
      [await client().getStringDetails('none.color', 'x', context), 'x', 'FLAG_NOT_FOUND'],
      [await client().getStringDetails('on', 'x', context), 'x', 'FLAG_NOT_FOUND'],
      [await client().getStringDetails('theme.none', 'x', context), 'x', 'FLAG_NOT_FOUND'],
      [await client().getNumberDetails('theme.color', 7, context), 7, 'TYPE_MISMATCH'],
    ] as const;
    for (const [details, value, errorCode] of asked) {
      assert.deepEqual([details.value, details.reason, details.errorCode], [value, 'ERROR', errorCode]);
    }
  });

  it('exposes the user of the context, and tracks', async () => {
    await client().getBooleanValue('company', false, context);
    client().track('paid', context, { value: 5, currency: 'EUR' });
    client().track('seen', context);
    await sluice.flush();
    const [exposed, tracked, bare] = mesh.events;
    assert.equal(exposed?.exposure?.unitId, 'acme');
    assert.deepEqual(exposed?.user?.custom, { plan: { kind: { $case: 'stringValue', value: 'pro' } } });
    assert.equal(exposed?.user?.email, 'u@example.com');
    assert.deepEqual([tracked?.name, tracked?.value?.value, tracked?.metadataJson], ['paid', 5, '{"currency":"EUR"}']);
    assert.deepEqual([bare?.name, bare?.value, bare?.metadataJson], ['seen', undefined, '']);
  });

  it('tells of changes, of staleness, and of freshness again', async () => {
    const told: string[] = [];
    client().addHandler(ProviderEvents.ConfigurationChanged, (event) => void told.push(String(event?.flagsChanged)));
    client().addHandler(ProviderEvents.Stale, () => void told.push('stale'));
    mesh.model.commit([gateEntity('on', 0)]);
    mesh.tell();
    await eventually(() => told.includes('on'));
    const { port } = mesh;
    await mesh.stop();
    await eventually(() => told.includes('stale'));
    assert.equal(client().providerStatus, 'STALE');
    assert.equal((await client().getBooleanDetails('on', true, context)).reason, 'STALE');
    await mesh.start(port);
    await eventually(() => client().providerStatus === 'READY');
  });

  it('is not ready before there is a ruleset', async () => {
    const late = new Sluice({ key, target: 'static:///127.0.0.1:1' });
    const setting = OpenFeature.setProviderAndWait('late', new SluiceProvider(late, { readyTimeoutMs: 50 }));
    await assert.rejects(setting, /No ruleset within 50 ms/);
    const details = await OpenFeature.getClient('late').getBooleanDetails('on', true, context);
    assert.deepEqual([details.value, details.reason], [true, 'ERROR']);
  });

  it('is ready, not changed, when the first ruleset comes late', async () => {
    const { port } = mesh;
    await mesh.stop();
    const late = new Sluice({ key, target: `static:///127.0.0.1:${port}` });
    const told: string[] = [];
    // Freshness is not looked at for a while: the ruleset itself brings the news.
    const provider = new SluiceProvider(late, { readyTimeoutMs: 50, staleCheckMs: 600_000 });
    await assert.rejects(OpenFeature.setProviderAndWait('later', provider));
    const waiting = OpenFeature.getClient('later');
    assert.equal(waiting.providerStatus, 'ERROR');
    provider.events.addHandler(ProviderEvents.Ready, () => void told.push('ready'));
    provider.events.addHandler(ProviderEvents.ConfigurationChanged, () => void told.push('changed'));
    await mesh.start(port);
    await eventually(() => waiting.providerStatus === 'READY');
    assert.equal(await waiting.getBooleanValue('on', false, context), true);
    mesh.model.commit([gateEntity('on', 0)]);
    mesh.tell();
    await eventually(() => told.includes('changed'));
    assert.deepEqual(told, ['ready', 'changed']);
  });
});
