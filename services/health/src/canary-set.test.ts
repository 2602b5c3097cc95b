import assert from 'node:assert/strict';
import { type Client, silentLogger, unavailable } from '@sluice/mesh';
import type { ConfigServiceService, ImportRulesetRequest } from '@sluice/proto';
import { CanarySet, canaryGate } from './canary-set.js';
import { canary } from './test/fake-region.js';

describe('the canary set', () => {
  let asked: ImportRulesetRequest[];
  let isAway: boolean;

  /** A config that takes the import, or is away. */
  const config = {
    importRuleset: (request: ImportRulesetRequest) => {
      asked.push(request);
      return isAway ? Promise.reject(unavailable('config is away')) : Promise.resolve({});
    },
  } as unknown as Client<ConfigServiceService>;
  const create = () => new CanarySet(canary, config, silentLogger);

  beforeEach(() => {
    asked = [];
    isAway = false;
  });

  it('is made once, with a gate that everyone passes', async () => {
    const set = create();
    assert.equal(await set.isMade(), true);
    assert.equal(await set.isMade(), true);
    assert.equal(asked.length, 1);
    const [request] = asked;
    assert.deepEqual([request?.set, request?.isDryRun], [canary, false]);
    assert.deepEqual(
      request?.entities.map(({ name }) => name),
      [canaryGate],
    );
  });

  it('is not asked for again at once when config is away', async () => {
    isAway = true;
    const set = create();
    assert.equal(await set.isMade(), false);
    assert.equal(await set.isMade(), false);
    assert.equal(asked.length, 1);
  });

  it('is there when somebody holds it, whoever made it', async () => {
    const set = create();
    set.found();
    assert.equal(await set.isMade(), true);
    assert.deepEqual(asked, []);
  });
});
