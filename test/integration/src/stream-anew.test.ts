/** A mesh whose database is made anew counts from 1 again: evaluators and SDKs that hold more follow it nevertheless. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { SetRef } from '@sluice/proto';
import { Sluice } from '@sluice/sdk';
import { eventually, type Servers, startServers, temporaryFolder } from '@sluice/testkit';
import {
  type Authority,
  freshDatabase,
  gateOf,
  importInto,
  rollOut,
  ruleOf,
  snapshotOf,
  startAuthority,
} from './authority.js';
import { meshKey, type RunningEvaluator, startEvaluator } from './evaluator.js';

const set: SetRef = { project: 'anew', environment: 'production' };
const user = { userID: 'u' };

describe('a mesh that was made anew', function () {
  this.timeout(60_000);
  let servers: Servers;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let config: Authority | undefined;
  let evaluator: RunningEvaluator | undefined;
  let sdk: Sluice | undefined;

  before(async () => {
    servers = await startServers({ postgres: true, nats: true });
    folder = await temporaryFolder();
  });

  after(async () => {
    await sdk?.close({ timeoutMs: 100 });
    await evaluator?.stop();
    await config?.stop();
    await servers?.stop();
    await folder?.remove();
  });

  const openSdk = (address: string): Sluice =>
    new Sluice({
      key: meshKey,
      target: `static:///${address}`,
      set,
      stateDir: join(folder.path, 'sdk'),
      disableExposureLogging: true,
    });

  const openEvaluator = (address: string) =>
    startEvaluator({
      natsUrl: servers.natsUrl,
      configTarget: `static:///${address}`,
      stateDir: join(folder.path, 'evaluator'),
    });

  it('is followed by an evaluator and an SDK that hold later revisions of the old one', async () => {
    config = await startAuthority(servers, await freshDatabase(servers));
    await importInto(config.as(), set, [gateOf('checkout', [ruleOf('everyone', 100)])]);
    for (const percent of [1, 2, 3, 4, 5, 100]) await rollOut(config.as(), set, 'checkout', percent);
    const old = await snapshotOf(config.as(), set);
    evaluator = await openEvaluator(config.address);
    await eventually(async () => assert.equal(await evaluator?.revisionOf(set), old.revision));
    sdk = openSdk(evaluator.address);
    await sdk.waitForRevision(old.revision);
    assert.equal(sdk.checkGate('checkout', user), true);
    // Both know it from disk from here on; the bus still has its frames too.
    await sdk.close({ timeoutMs: 100 });
    await evaluator.stop();
    await config.stop();

    config = await startAuthority(servers, await freshDatabase(servers));
    await importInto(config.as(), set, [gateOf('checkout', [ruleOf('everyone', 0)])]);
    const anew = await snapshotOf(config.as(), set);
    assert(anew.revision < old.revision);
    assert((anew.lineage ?? '') > (old.lineage ?? ''));
    evaluator = await openEvaluator(config.address);
    sdk = openSdk(evaluator.address);
    await sdk.ready();
    await eventually(async () => assert.equal(await evaluator?.revisionOf(set), anew.revision));
    await eventually(() => assert.equal(sdk?.status().revision, anew.revision));
    assert.equal(sdk.checkGate('checkout', user), false);
    assert.equal(sdk.gate('checkout', user).isStale, false);

    // And from there on, change by change.
    const { revision } = await rollOut(config.as(), set, 'checkout', 100);
    await sdk.waitForRevision(revision);
    assert.equal(sdk.checkGate('checkout', user), true);
  });
});
