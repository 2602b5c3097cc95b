/** An evaluator that stops sends its readers elsewhere, and does not wait for them. */
import assert from 'node:assert/strict';
import type { SetRef } from '@sluice/proto';
import { Sluice } from '@sluice/sdk';
import { eventually, goal, type Servers, startServers, temporaryFolder } from '@sluice/testkit';
import { type Authority, freshDatabase, gateOf, importInto, rollOut, ruleOf, startAuthority } from './authority.js';
import { meshKey, type RunningEvaluator, startEvaluator } from './evaluator.js';

const set: SetRef = { project: 'drain', environment: 'production' };
const readers = 50;

describe('stopping with readers', function () {
  this.timeout(60_000);
  let servers: Servers;
  let config: Authority;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const evaluators = new Map<string, RunningEvaluator>();
  const sdks: Sluice[] = [];

  before(async () => {
    servers = await startServers({ postgres: true, nats: true });
    folder = await temporaryFolder();
    config = await startAuthority(servers, await freshDatabase(servers));
    await importInto(config.as(), set, [gateOf('checkout', [ruleOf('everyone', 0)])]);
    for (const instance of ['evaluation-1', 'evaluation-2']) {
      const places = { natsUrl: servers.natsUrl, configTarget: `static:///${config.address}`, instance };
      evaluators.set(instance, await startEvaluator({ ...places, stateDir: `${folder.path}/${instance}` }));
    }
    for (const evaluator of evaluators.values()) await eventually(async () => (await evaluator.revisionOf(set)) > 0);
  });

  after(async () => {
    await Promise.all(sdks.map((sdk) => sdk.close({ timeoutMs: 100 })));
    for (const evaluator of evaluators.values()) await evaluator.stop();
    await config?.stop();
    await servers?.stop();
    await folder?.remove();
  });

  it('takes a moment, and no reader misses a change for it', async () => {
    const addresses = [...evaluators.values()].map(({ address }) => address).join(',');
    for (let i = 0; i < readers; i++) {
      sdks.push(new Sluice({ key: meshKey, target: `static:///${addresses}`, set, disableExposureLogging: true }));
    }
    await Promise.all(sdks.map((sdk) => sdk.ready()));
    const [first] = evaluators.keys();
    const leaving = evaluators.get(first ?? '');
    evaluators.delete(first ?? '');
    const startedAt = performance.now();
    const stopping = leaving?.stop().then(() => performance.now() - startedAt);
    const { revision } = await rollOut(config.as(), set, 'checkout', 100);
    await Promise.all(sdks.map((sdk) => sdk.waitForRevision(revision, { timeoutMs: goal(2_000) })));
    assert(sdks.every((sdk) => sdk.checkGate('checkout', { userID: 'u' })));
    const tookMs = await stopping;
    assert((tookMs ?? Number.POSITIVE_INFINITY) < goal(2_000), `stopping took ${tookMs} ms`);
    await eventually(() => sdks.every((sdk) => sdk.status().isConnected));
  });

  it('ends the streams of config too', async () => {
    const { rulesets } = config.as();
    const hold = { set, revision: 0, stateHash: Buffer.alloc(0) };
    const reader = rulesets.watchRuleset(hold)[Symbol.asyncIterator]();
    await reader.next();
    const startedAt = performance.now();
    const end = (async () => {
      for (;;) if ((await reader.next()).done) return undefined;
    })().catch((error: unknown) => error);
    await config.stop();
    assert(performance.now() - startedAt < 3_000, `stopping took ${performance.now() - startedAt} ms`);
    const error = await end;
    assert(error instanceof Error && 'kind' in error);
    assert.equal(error.kind, 'unavailable');
  });
});
