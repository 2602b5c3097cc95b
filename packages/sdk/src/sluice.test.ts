import assert from 'node:assert/strict';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { djb2 } from '@sluice/engine';
import { digestOf, SluiceError } from '@sluice/mesh';
import { rawFrame } from '@sluice/replica';
import { type RulesetChange, Sluice, type SluiceOptions } from './index.js';
import { eventually, key, TestMesh } from './test/mesh.js';
import {
  configEntity,
  experimentEntity,
  gateEntity,
  keyEntity,
  layerEntity,
  type Model,
  storeEntity,
} from './test/model.js';

const user = { userID: 'u' };
/** Where nobody listens. */
const nowhere = 'static:///127.0.0.1:1';

describe('Sluice', () => {
  let mesh: TestMesh;
  let stateDir: string;
  const clients: Sluice[] = [];

  beforeEach(async () => {
    mesh = await new TestMesh().start();
    mesh.model.commit([
      gateEntity('on', 100),
      gateEntity('off', 0),
      configEntity('theme', { color: 'red', size: 10, tags: ['a'], nothing: null }),
      experimentEntity('trial', { button: 'green' }, ['button']),
      layerEntity('checkout', { button: 'grey', size: 1 }, 'trial'),
      keyEntity(digestOf(key)),
    ]);
    stateDir = await mkdtemp(join(tmpdir(), 'sluice-sdk-'));
  });

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close({ timeoutMs: 100 })));
    await mesh.stop();
    await rm(stateDir, { recursive: true, force: true });
  });

  function open(part: Partial<SluiceOptions> = {}): Sluice {
    const client = new Sluice({ key, target: mesh.target, ingestionTarget: mesh.target, lingerMs: 5, ...part });
    clients.push(client);
    return client;
  }

  async function openReady(part: Partial<SluiceOptions> = {}): Promise<Sluice> {
    const client = open(part);
    await client.ready();
    return client;
  }

  function commit(...change: Parameters<Model['commit']>): number {
    mesh.model.commit(...change);
    mesh.tell();
    return mesh.model.revision;
  }

  it('answers with defaults and says so before there is a ruleset', () => {
    const client = open({ target: nowhere });
    assert.equal(client.checkGate('on', user), false);
    const gate = client.gate('on', user);
    assert.deepEqual([gate.value, gate.reason, gate.errorCode], [false, 'ERROR', 'PROVIDER_NOT_READY']);
    assert.equal(client.config('theme', user).get('color', 'blue'), 'blue');
    assert.equal(client.layer('checkout', user).get('size', 7), 7);
    assert.equal(client.parameterStore('store', user).get('size', 7), 7);
    assert.equal(client.evaluateAll(user).gates.size, 0);
    assert.equal(client.status().isStale, true);
  });

  it('says why there is no ruleset when one waits in vain', async () => {
    const deadline = (error: unknown) => error instanceof SluiceError && error.kind === 'deadline';
    await assert.rejects(open({ target: nowhere }).ready({ timeoutMs: 300 }), deadline);
    await assert.rejects(open({ key: 'wrong' }).ready({ timeoutMs: 300 }), /Unknown SDK key/);
    const client = await openReady();
    await assert.rejects(client.waitForRevision(9, { timeoutMs: 20 }), /Revision 9 did not come .* revision 1 is held/);
  });

  it('decides gates, configs, experiments and layers with reason, revision and age', async () => {
    const client = await openReady();
    assert.equal(client.checkGate('on', user), true);
    assert.equal(client.checkGate('off', user), false);
    const gate = client.gate('on', user);
    assert.deepEqual(
      [gate.value, gate.ruleID, gate.reason, gate.errorCode, gate.detail, gate.revision, gate.isStale],
      [true, 'everyone', 'STATIC', undefined, 'Recognized', 1, false],
    );
    assert.ok(gate.ageMs < 5_000);
    const unknown = client.gate('none', user);
    assert.deepEqual([unknown.reason, unknown.errorCode], ['ERROR', 'FLAG_NOT_FOUND']);
    const trial = client.experiment('trial', user);
    assert.deepEqual([trial.groupName, trial.reason, trial.get('button', '')], ['test', 'SPLIT', 'green']);
    assert.equal(client.layer('checkout', user).allocatedExperiment, 'trial');
    const kinds = ['on', 'theme', 'trial', 'checkout', 'none'].map((name) => client.kindOf(name));
    assert.deepEqual(kinds, ['gate', 'config', 'experiment', 'layer', undefined]);
    assert.equal(JSON.parse(JSON.stringify(gate)).ruleID, 'everyone');
  });

  it('reads values only when they have the type of the fallback', async () => {
    const theme = (await openReady()).config('theme', user);
    assert.equal(theme.get('color', 'blue'), 'red');
    assert.equal(theme.get('color', 1), 1);
    assert.equal(theme.get('size', 1), 10);
    assert.deepEqual(theme.get('tags', ['b']), ['a']);
    assert.deepEqual(theme.get('tags', {}), {});
    assert.equal(theme.get('nothing', 'x'), 'x');
    assert.equal(theme.get('nothing', null), null);
    assert.equal(theme.get('size', null), 10);
    assert.equal(theme.get('size', undefined as never), 10);
    assert.equal(theme.get('toString', 'x'), 'x');
  });

  it('reads parameter stores through what their parameters refer to', async () => {
    const client = await openReady();
    await client.waitForRevision(
      commit([
        storeEntity('store', {
          title: { ref_type: 'static', param_type: 'string', value: 'Shop' },
          isNew: { ref_type: 'gate', param_type: 'boolean', gate_name: 'on', pass_value: true, fail_value: false },
          size: { ref_type: 'dynamic_config', param_type: 'number', config_name: 'theme', param_name: 'size' },
          button: { ref_type: 'layer', param_type: 'string', layer_name: 'checkout', param_name: 'button' },
        }),
      ]),
    );
    const store = client.parameterStore('store', user);
    assert.deepEqual([store.reason, store.errorCode, store.revision], ['STATIC', undefined, 2]);
    assert.equal(store.get('title', ''), 'Shop');
    assert.equal(store.get('title', 1), 1);
    assert.equal(store.get('isNew', false), true);
    assert.equal(store.get('size', 0), 10);
    assert.equal(store.get('button', ''), 'green');
    assert.equal(store.get('none', 'x'), 'x');
    assert.equal(client.parameterStore('none', user).errorCode, 'FLAG_NOT_FOUND');
    await client.flush();
    const exposed = mesh.events.map(({ exposure }) => exposure?.key).sort();
    assert.deepEqual(exposed, ['checkout', 'on', 'theme']);
  });

  it('exposes a parameter of a layer only where its value is seen', async () => {
    const client = await openReady();
    await client.waitForRevision(
      commit([
        storeEntity('store', {
          lost: { ref_type: 'layer', param_type: 'string', layer_name: 'checkout', param_name: 'none' },
          button: { ref_type: 'layer', param_type: 'string', layer_name: 'checkout', param_name: 'button' },
        }),
      ]),
    );
    const layer = client.layer('checkout', user);
    assert.equal(layer.get('button', 7), 7);
    assert.equal(layer.get('none', 'x'), 'x');
    const store = client.parameterStore('store', user);
    assert.equal(store.get('lost', 'x'), 'x');
    assert.equal(store.get('button', 7), 7);
    assert.equal(client.books().generated, 0);
    assert.equal(layer.get('button', null), 'green');
    assert.equal(client.books().generated, 1);
  });

  it('gives every user the attributes of the client', async () => {
    const plan = {
      ...{ type: 'user_field', field: 'plan', operator: 'any' },
      targetValueJson: '["pro"]',
      idType: 'userID',
    };
    const condition = {
      name: 'pro',
      version: 1,
      body: { $case: 'condition', value: { ...plan, additionalValues: {} } },
    };
    const gate = gateEntity('pro-only', 100);
    if (gate.body?.$case === 'gate') gate.body.value.rules[0]?.conditionIds.push('pro');
    const client = await openReady({ globalCustomFields: { plan: 'pro' } });
    await client.waitForRevision(commit([condition as never, gate]));
    assert.equal(client.checkGate('pro-only', user), true);
    assert.equal(client.checkGate('pro-only', { ...user, custom: { plan: 'free' } }), false);
    client.log(user, 'paid');
    await client.flush();
    const plans = mesh.events.map(({ user: who }) => who?.custom.plan?.kind?.value);
    assert.deepEqual(plans, ['pro', 'free', 'pro']);
    const response = client.clientInitializeResponse(user);
    assert.partialDeepStrictEqual(response, { user: { custom: { plan: 'pro' } } });
  });

  it('answers everything for a user', async () => {
    const all = (await openReady()).evaluateAll(user);
    assert.deepEqual([...all.gates.keys()].sort(), ['off', 'on']);
    assert.deepEqual([...all.configs.keys()].sort(), ['theme', 'trial']);
    assert.equal(all.layers.get('checkout')?.get('button', ''), 'green');
  });

  it('writes what client SDKs start from, under hidden names, and exposes nothing', async () => {
    const client = await openReady();
    const response = client.clientInitializeResponse({ ...user, privateAttributes: { plan: 'gold' } });
    const [on, off] = ['on', 'off'].map(
      (name) => (response?.feature_gates as Record<string, unknown> | undefined)?.[djb2(name)],
    );
    assert.partialDeepStrictEqual([on, off], [{ name: djb2('on'), value: true }, { value: false }]);
    assert.deepEqual(JSON.stringify(response).includes('gold'), false);
    const short = client.clientInitializeResponse(user, { format: 2, hashAlgorithm: 'none' });
    assert.equal(short?.response_format, 'init-v2');
    await client.flush();
    assert.equal(client.books().generated, 0);
  });

  it('never throws, whatever it is asked', async () => {
    const client = await openReady();
    for (const odd of [undefined, null, 7, { custom: 5 }, { userID: Symbol('s') }]) {
      const user = odd as never;
      assert.equal(typeof client.checkGate('off', user), 'boolean');
      client.gate('on', user).toString();
      client.config('theme', user).get('color', '');
      client.layer('checkout', user).get('button', '');
      client.parameterStore('none', user).get('x', 1);
      client.evaluateAll(user);
      client.clientInitializeResponse(user);
      client.log(user, 'event', { metadata: { a: 1n } });
    }
    assert.equal(client.checkGate(undefined as never, user), false);
  });

  it('follows changes and tells listeners, even when one throws', async () => {
    const client = await openReady();
    mesh.isTiming = true;
    const changes: RulesetChange[] = [];
    client.onChange(() => {
      throw new Error('not my day');
    });
    const stop = client.onChange((change) => changes.push(change));
    await client.waitForRevision(commit([gateEntity('off', 100)], [gateEntity('on', 0)]));
    assert.equal(client.checkGate('off', user), true);
    assert.equal(client.gate('on', user).errorCode, 'FLAG_NOT_FOUND');
    const [{ times, ...change } = {}] = changes as [RulesetChange?];
    assert.deepEqual(change, { revision: 2, previousRevision: 1, source: 'network', names: ['off', 'on'] });
    assert(times && times.committedAtMs <= times.relayedAtMs && times.relayedAtMs <= times.appliedAtMs + 100);
    stop();
    await client.waitForRevision(commit([gateEntity('on', 100)]));
    assert.equal(changes.length, 1);
  });

  it('resumes where it stood after the evaluator was away', async () => {
    const client = await openReady();
    const { port } = mesh;
    await mesh.stop();
    await eventually(() => !client.status().isConnected);
    assert.equal(client.checkGate('on', user), true);
    mesh.model.commit([gateEntity('off', 100)]);
    await mesh.start(port);
    await client.waitForRevision(2);
    assert.equal(mesh.watches.at(-1)?.revision, 1);
    assert.equal(mesh.watches.at(-1)?.stateHash.length, 32);
    assert.equal(client.checkGate('off', user), true);
  });

  it('takes a silent stream for dead', async () => {
    const client = await openReady({ silenceMs: 200 });
    await eventually(() => client.status().isConnected);
    const before = mesh.watches.length;
    mesh.isSilent = true;
    await eventually(() => mesh.watches.length > before);
    assert.match(client.status().problem ?? 'silent', /silent/);
    mesh.isSilent = false;
    await eventually(() => client.status().isConnected);
  });

  it('asks for a snapshot after a gap and after what can not be proven', async () => {
    const client = await openReady();
    mesh.model.commit([gateEntity('lost', 100)]);
    mesh.lies.push(mesh.model.commit([gateEntity('next', 100)]));
    mesh.tell();
    await client.waitForRevision(3);
    assert.equal(client.checkGate('lost', user), true);
    const forged = mesh.model.commit([gateEntity('true', 100)]);
    mesh.lies.push(rawFrame({ ...forged, upserts: [gateEntity('forged', 100)] }));
    mesh.tell();
    await client.waitForRevision(4);
    assert.equal(client.gate('forged', user).errorCode, 'FLAG_NOT_FOUND');
    assert.equal(client.checkGate('true', user), true);
    assert.ok(mesh.watches.some(({ revision }, at) => at > 0 && revision === 0));
  });

  it('says how old its ruleset is, and that it is stale', async () => {
    const client = await openReady({ staleAfterMs: 1_000 });
    assert.equal(client.gate('on', user).reason, 'STATIC');
    mesh.ageMs = 0;
    await eventually(() => client.status().isConnected);
    await mesh.stop();
    const gate = client.gate('on', user);
    await eventually(() => gate.isStale && gate.reason === 'STALE' && gate.ageMs > 1_000);
    assert.equal(gate.value, true);
  });

  it('believes the sender about its own age', async () => {
    mesh.ageMs = 90_000;
    const client = await openReady();
    await eventually(() => client.gate('on', user).ageMs >= 90_000);
    assert.equal(client.gate('on', user).reason, 'STALE');
  });

  it('starts from disk with nobody there, and sets a corrupt file aside', async () => {
    const first = await openReady({ stateDir });
    await first.close();
    const second = await openReady({ stateDir, target: nowhere });
    assert.equal(second.checkGate('on', user), true);
    assert.equal(second.status().source, 'disk');
    const [file = ''] = await readdir(stateDir);
    await writeFile(join(stateDir, file), 'SLUICE1\n, or rather not');
    const third = open({ stateDir, target: nowhere });
    await assert.rejects(third.ready({ timeoutMs: 200 }));
    assert.deepEqual(await readdir(stateDir), [`${file}.corrupt`]);
  });

  it('does not take what another key left on disk', async () => {
    await (await openReady({ stateDir })).close();
    await assert.rejects(open({ stateDir, key: 'other', target: nowhere }).ready({ timeoutMs: 200 }));
  });

  it('starts from a bootstrap at once: a frame, or a Statsig document', async () => {
    const frame = open({ bootstrap: mesh.model.snapshot().bytes, target: nowhere });
    assert.equal(frame.checkGate('on', user), true);
    assert.equal(frame.status().source, 'bootstrap');
    const spec = {
      salt: 's',
      enabled: true,
      defaultValue: false,
      rules: [],
      type: 'feature_gate',
      entity: 'feature_gate',
    };
    const document = JSON.stringify({
      has_updates: true,
      time: 1,
      feature_gates: { doc: { ...spec, idType: 'userID' } },
      dynamic_configs: {},
      layer_configs: {},
      condition_map: {},
      experiment_to_layer: {},
    });
    const path = join(stateDir, 'specs.json');
    await writeFile(path, document);
    const client = open({ bootstrap: path });
    assert.equal(client.gate('doc', user).detail, 'Recognized');
    await client.waitForRevision(1);
    assert.equal(client.gate('doc', user).errorCode, 'FLAG_NOT_FOUND');
    assert.equal(client.checkGate('on', user), true);
  });

  it('refuses options that can not be used, by name', () => {
    const wrong: [Partial<SluiceOptions>, RegExp][] = [
      [{ key: '' }, /^key: is empty/],
      [{ target: '127.0.0.1:7440' }, /^target: is "127.0.0.1:7440"; write/],
      [{ ingestionTarget: 'x' }, /^ingestionTarget: /],
      [{ staleAfterMs: 0 }, /^staleAfterMs: is 0/],
      [{ bootstrap: join(stateDir, 'none') }, /^bootstrap: .*none can't be used: ENOENT/],
      [{ bootstrap: Buffer.from('nonsense') }, /^bootstrap: /],
      [{ bootstrap: Buffer.from('{') }, /^bootstrap: /],
    ];
    for (const [part, message] of wrong) {
      assert.throws(
        () => open(part),
        (error: Error) => message.test(error.message),
        String(message),
      );
    }
  });

  it('lets the process force answers, which are no exposures', async () => {
    const client = await openReady();
    client.overrides.gate('off', true);
    client.overrides.gate('off', false, 'v');
    client.overrides.config('theme', { color: 'black' });
    client.overrides.experiment('trial', 'test', 'u');
    client.overrides.layer('checkout', { size: 99 });
    assert.equal(client.checkGate('off', user), true);
    assert.equal(client.checkGate('off', { userID: 'v' }), false);
    assert.equal(client.config('theme', user).get('color', ''), 'black');
    assert.equal(client.experiment('trial', user).get('button', ''), 'green');
    assert.equal(client.layer('checkout', user).get('size', 0), 99);
    assert.equal(client.books().generated, 0);
    client.overrides.clear('theme');
    assert.equal(client.config('theme', user, { exposure: false }).get('color', ''), 'red');
    client.overrides.clear();
    assert.equal(client.checkGate('off', user, { exposure: false }), false);
  });
});
