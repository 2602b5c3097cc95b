/** Staleness is stated on every answer; readiness is lost only where somebody fresher can take over. */
import assert from 'node:assert/strict';
import { type Bus, connectBus } from '@sluice/bus';
import { silentLogger } from '@sluice/mesh';
import { Ack, Reason, type SetRef } from '@sluice/proto';
import { eventually, type Servers, startServers, temporaryFolder } from '@sluice/testkit';
import {
  type Authority,
  freshDatabase,
  gateOf,
  importInto,
  rollOut,
  ruleOf,
  startAuthority,
  timeoutMs,
} from './authority.js';
import { nowhere, questionOf, type RunningEvaluator, startEvaluator } from './evaluator.js';

const set: SetRef = { project: 'stale', environment: 'production' };

describe('staleness', function () {
  this.timeout(60_000);
  let servers: Servers;
  let config: Authority | undefined;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  let bus: Bus;
  let evaluator: RunningEvaluator | undefined;
  let held = 0;

  const open = (staleAfterMs: number, configTarget = nowhere) =>
    startEvaluator({ natsUrl: servers.natsUrl, configTarget, stateDir: folder.path, staleAfterMs });

  before(async () => {
    servers = await startServers({ postgres: true, nats: true });
    folder = await temporaryFolder();
    bus = await connectBus({ url: servers.natsUrl, name: 'test', logger: silentLogger });
    config = await startAuthority(servers, await freshDatabase(servers));
    await importInto(config.as(), set, [gateOf('checkout', [ruleOf('everyone', 100)])]);
    const { revision } = await rollOut(config.as(), set, 'checkout', 50);
    held = revision;
    const first = await open(60_000, `static:///${config.address}`);
    await eventually(async () => assert.equal(await first.revisionOf(set), revision));
    await first.stop();
  });

  after(async () => {
    await evaluator?.stop();
    await bus?.close();
    await config?.stop();
    await servers?.stop();
    await folder?.remove();
  });

  const ask = async () => {
    const answer = await evaluator?.evaluation.evaluate(questionOf(set, 'checkout'), { timeoutMs });
    return { reason: answer?.decisions[0]?.reason, ...answer?.provenance };
  };

  it('is no matter while config is heard on the bus, though nothing changes and config can not be asked', async () => {
    evaluator = await open(2_500);
    // Long past the limit, had nobody confirmed it.
    const until = Date.now() + 4_000;
    await eventually(async () => {
      const { isStale, ageMs } = await ask();
      assert.equal(isStale, false, `${ageMs} ms old`);
      assert((ageMs ?? 0) <= 2_500);
      assert(Date.now() > until);
    });
    await evaluator.stop();
  });

  it('is stated once config is gone, and the evaluator goes on as nobody knows better', async () => {
    await config?.stop();
    config = undefined;
    evaluator = await open(300);
    await eventually(async () => assert.equal((await ask()).reason, Reason.STALE));
    const { isStale, ageMs, revision } = await ask();
    assert.deepEqual([isStale, revision], [true, held]);
    // The age is that of the moment of the question.
    const later = await eventually(async () => {
      const now = await ask();
      assert((now.ageMs ?? 0) >= (ageMs ?? 0) + 100);
      return now;
    });
    assert((later.ageMs ?? 0) > 300);
    assert.equal(await evaluator.isServing(), true);
  });

  it('costs readiness while a peer acknowledges more, and not a moment longer', async () => {
    const acknowledge = (revision: number, ageMs: number): void => {
      const ack = Ack.fromPartial({ set, instance: 'evaluation-2', region: 'test', revision, ageMs });
      bus.broadcast(`ack.v1.${set.project}.${set.environment}`, Ack.encode(ack).finish());
    };
    let word = (): void => acknowledge(held, 10_000);
    const talk = setInterval(() => word(), 100);
    try {
      // As stale as we are: no reason to step back. Three seconds are more than it takes otherwise.
      const until = Date.now() + 3_000;
      await eventually(async () => {
        assert.equal(await evaluator?.isServing(), true);
        assert(Date.now() > until);
      });
      word = () => acknowledge(held + 1, 10);
      await eventually(async () => assert.equal(await evaluator?.isServing(), false));
      // Whoever asks nevertheless is answered.
      assert.equal((await ask()).revision, held);
    } finally {
      clearInterval(talk);
    }
    await eventually(async () => assert.equal(await evaluator?.isServing(), true));
  });
});
