/** A stream that is reset under way: a change that is made right after it arrives all the same, soon. */
import assert from 'node:assert/strict';
import { type Client, createClient } from '@sluice/mesh';
import { ConfigServiceService, ImportRulesetRequest, type SetRef } from '@sluice/proto';
import { Sluice } from '@sluice/sdk';
import { eventually, goal, startMesh, type TestMesh } from '@sluice/testkit';
import { gateOf, rollOut, ruleOf, timeoutMs } from './authority.js';
import { type Cuttable, cuttable } from './cuttable.js';

const goalMs = 2_000;
const set: SetRef = { project: 'cut', environment: 'production' };
const user = { userID: 'somebody' };

describe('a stream that is reset', function () {
  this.timeout(90_000);
  let mesh: TestMesh;
  let config: Client<ConfigServiceService>;
  let proxy: Cuttable;
  let sdk: Sluice;

  before(async () => {
    mesh = await startMesh({ services: ['config', 'evaluation'] });
    const target = `static:///${mesh.process('config-1').address}`;
    config = createClient(ConfigServiceService, { target, key: mesh.rootKey });
    const entities = [gateOf('checkout', [ruleOf('everyone', 0)])];
    await config.importRuleset(ImportRulesetRequest.fromPartial({ set, entities, reason: 'a test' }), { timeoutMs });
    proxy = await cuttable(mesh.process('evaluation-1').address);
    sdk = new Sluice({ key: mesh.rootKey, set, target: `static:///${proxy.address}`, disableExposureLogging: true });
    await eventually(() => sdk.ready());
  });

  after(async () => {
    await sdk?.close({ timeoutMs: 100 });
    config?.close();
    await proxy?.close();
    await mesh?.stop();
  });

  const change = async (percent: number): Promise<number> =>
    (await rollOut({ config }, set, 'checkout', percent)).revision;

  it(`has the next change within ${goalMs} ms, ten times over`, async () => {
    const tookMs: number[] = [];
    for (let turn = 1; turn <= 10; turn++) {
      await eventually(() => sdk.status().isConnected);
      proxy.reset();
      const startedMs = performance.now();
      const revision = await change((turn % 2) * 100);
      await sdk.waitForRevision(revision);
      tookMs.push(performance.now() - startedMs);
      assert.equal(sdk.checkGate('checkout', user), turn % 2 === 1);
    }
    assert(Math.max(...tookMs) <= goal(goalMs), `${tookMs.map(Math.round).join(', ')} ms`);
  });

  it('loses none of the changes that were made while it was reset again and again', async () => {
    let newest = 0;
    for (let turn = 0; turn < 30; turn++) {
      if (turn % 3 === 0) proxy.reset();
      newest = await change(turn % 100);
    }
    await sdk.waitForRevision(newest);
    assert.equal(sdk.status().revision, newest);
  });
});
