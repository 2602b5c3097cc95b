import assert from 'node:assert/strict';
import { digestOf } from '@sluice/mesh';
import type { Entity } from '@sluice/proto';
import { Sluice, type SluiceOptions, type StickyStorage, type StickyValue, type StickyValues } from './index.js';
import { stickyValueOf } from './sticky-value.js';
import { key, TestMesh } from './test/mesh.js';
import { experimentEntity, keyEntity, layerEntity, ruleOf } from './test/model.js';

const user = { userID: 'ada' };

/** A storage in memory that notes what is asked of it. */
class Memory implements StickyStorage {
  readonly stored = new Map<string, Record<string, StickyValue>>();
  readonly calls: string[] = [];

  load(key: string): StickyValues | undefined {
    this.calls.push(`load ${key}`);
    return this.stored.get(key);
  }

  save(key: string, name: string, value: StickyValue): void {
    this.calls.push(`save ${key} ${name}`);
    this.stored.set(key, { ...this.stored.get(key), [name]: JSON.parse(JSON.stringify(value)) });
  }

  async delete(key: string, name: string): Promise<void> {
    this.calls.push(`delete ${key} ${name}`);
    delete this.stored.get(key)?.[name];
  }
}

/** The experiment with its only group renamed: who is new gets another one. */
function renamed(group: string): Entity {
  const entity = experimentEntity('trial', { button: group }, ['button']);
  const rule = ruleOf({
    id: group,
    groupName: group,
    isExperimentGroup: true,
    returnValueJson: `{"button":"${group}"}`,
  });
  if (entity.body?.$case === 'config') entity.body.value.rules = [rule];
  return entity;
}

describe('sticky assignment', () => {
  let mesh: TestMesh;
  let storage: Memory;
  const clients: Sluice[] = [];

  beforeEach(async () => {
    mesh = await new TestMesh().start();
    storage = new Memory();
    mesh.model.commit([
      renamed('green'),
      layerEntity('checkout', { button: 'grey' }, 'trial'),
      keyEntity(digestOf(key)),
    ]);
  });

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.close({ timeoutMs: 100 })));
    await mesh.stop();
  });

  async function open(part: Partial<SluiceOptions> = {}): Promise<Sluice> {
    const { target } = mesh;
    const client = new Sluice({ key, target, ingestionTarget: target, lingerMs: 5, stickyStorage: storage, ...part });
    clients.push(client);
    await client.ready();
    return client;
  }

  async function change(client: Sluice, ...entities: Entity[]): Promise<void> {
    mesh.model.commit(entities);
    mesh.tell();
    await client.waitForRevision(mesh.model.revision);
  }

  it('keeps the group of an experiment and of a layer, whatever the ruleset says later', async () => {
    const client = await open();
    const first = await client.loadSticky(user);
    assert.deepEqual(first, {});
    assert.equal(client.experiment('trial', user, { userPersistedValues: first }).get('button', ''), 'green');
    assert.equal(client.layer('checkout', user, { userPersistedValues: first }).get('button', ''), 'green');
    await client.flush();
    assert.deepEqual(storage.calls, ['load ada:userID', 'save ada:userID trial', 'save ada:userID checkout']);

    await change(client, renamed('blue'));
    const userPersistedValues = await client.loadSticky(user);
    const trial = client.experiment('trial', user, { userPersistedValues });
    assert.deepEqual(
      [trial.get('button', ''), trial.groupName, trial.ruleID, trial.detail, trial.reason],
      ['green', 'green', 'green', 'Persisted', 'SPLIT'],
    );
    const layer = client.layer('checkout', user, { userPersistedValues });
    assert.deepEqual([layer.get('button', ''), layer.allocatedExperiment], ['green', 'trial']);
    assert.equal(client.experiment('trial', { userID: 'bob' }, { userPersistedValues: {} }).get('button', ''), 'blue');
    await client.flush();
    const groups = mesh.events.map(({ user: who, exposure }) => [who?.userId, exposure?.key, exposure?.groupName]);
    assert.deepEqual(groups, [
      ['ada', 'trial', 'green'],
      ['ada', 'checkout', 'green'],
      ['bob', 'trial', 'blue'],
    ]);
  });

  it('forgets a group when it is not asked for, or when the experiment is over', async () => {
    const client = await open();
    client.experiment('trial', user, { userPersistedValues: {} });
    client.experiment('trial', user);
    assert.deepEqual(storage.calls, ['save ada:userID trial', 'delete ada:userID trial']);
    client.experiment('trial', user, { userPersistedValues: {} });
    const userPersistedValues = await client.loadSticky(user);
    const over = renamed('blue');
    if (over.body?.$case === 'config') over.body.value.isActive = false;
    await change(client, over);
    assert.equal(client.experiment('trial', user, { userPersistedValues }).get('button', ''), 'blue');
    assert.equal(storage.calls.at(-1), 'delete ada:userID trial');
  });

  it('leaves alone what it does not know, and users without the unit', async () => {
    const failing = new Memory();
    failing.load = () => {
      throw new Error('away');
    };
    const client = await open({ stickyStorage: failing });
    const userPersistedValues = await client.loadSticky(user);
    assert.equal(userPersistedValues, null);
    assert.equal(client.experiment('trial', user, { userPersistedValues }).get('button', ''), 'green');
    assert.equal(client.layer('checkout', user, { userPersistedValues }).get('button', ''), 'green');
    assert.deepEqual(await client.loadSticky({}), {});
    assert.equal(await client.loadSticky(undefined as never), null);
    client.experiment('trial', {}, { userPersistedValues: {} });
    assert.deepEqual(failing.calls, []);
    const plain = await open({ stickyStorage: undefined });
    assert.equal(await plain.loadSticky(user), null);
    assert.equal(plain.experiment('trial', user, { userPersistedValues: {} }).get('button', ''), 'green');
  });

  it('answers while the storage fails, and takes nothing from it that is no group', async () => {
    const failing = new Memory();
    failing.save = () => Promise.reject(new Error('full'));
    failing.load = () => ({ trial: { value: true, rule_id: 7 } }) as never;
    const client = await open({ stickyStorage: failing });
    const userPersistedValues = await client.loadSticky(user);
    assert.equal(client.experiment('trial', user, { userPersistedValues }).get('button', ''), 'green');
    assert.equal(client.experiment('trial', user, { userPersistedValues: 7 as never }).get('button', ''), 'green');
    assert.equal(await client.flush(), true);
  });

  it('refuses a storage that is none', () => {
    const options = { key, target: mesh.target, stickyStorage: { load: () => null } as never };
    assert.throws(() => new Sluice(options), { kind: 'invalid', field: 'stickyStorage' });
  });
});

describe('a stored group', () => {
  it('is read with what is missing filled in', () => {
    const exposure = { gate: 'g', gateValue: 'true', ruleID: 'r' };
    const stored = { value: true, json_value: { a: 1 }, rule_id: 'r', secondary_exposures: [exposure, 7], time: 'x' };
    assert.deepEqual(stickyValueOf(stored), {
      ...{ value: true, json_value: { a: 1 }, rule_id: 'r', group_name: null, config_delegate: null, time: 0 },
      ...{ secondary_exposures: [exposure], undelegated_secondary_exposures: [] },
      ...{ explicit_parameters: null, config_version: undefined },
    });
    assert.equal(
      stickyValueOf({ ...stored, undelegated_secondary_exposures: null })?.undelegated_secondary_exposures,
      null,
    );
    for (const none of [undefined, null, 7, [], {}, { value: true, rule_id: 'r', json_value: [] }]) {
      assert.equal(stickyValueOf(none), undefined);
    }
  });
});
