/** A request that goes through three services is answered by one ruleset when it is pinned, while that changes all the time. */
import assert from 'node:assert/strict';
import { bind, type Client, createClient, type MeshServer, silentLogger, startServer } from '@sluice/mesh';
import { Decision, type EvaluateResponse, EvaluationServiceService, type SetRef } from '@sluice/proto';
import { RemoteSluice, Sluice } from '@sluice/sdk';
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
import { meshKey, questionOf, type RunningEvaluator, startEvaluator } from './evaluator.js';

const set: SetRef = { project: 'chain', environment: 'production' };
const question = questionOf(set, 'checkout');

describe('a pinned request on a real mesh', function () {
  this.timeout(60_000);
  let servers: Servers;
  let config: Authority;
  let folder: Awaited<ReturnType<typeof temporaryFolder>>;
  const evaluators: RunningEvaluator[] = [];
  const hops: MeshServer[] = [];
  const clients: { close(): void }[] = [];

  before(async () => {
    servers = await startServers({ postgres: true, nats: true });
    folder = await temporaryFolder();
    config = await startAuthority(servers, await freshDatabase(servers));
    await importInto(config.as(), set, [gateOf('checkout', [ruleOf('everyone', 100)])]);
    for (const instance of ['evaluation-1', 'evaluation-2']) {
      const stateDir = `${folder.path}/${instance}`;
      const configTarget = `static:///${config.address}`;
      evaluators.push(await startEvaluator({ natsUrl: servers.natsUrl, configTarget, stateDir, instance }));
    }
    for (const evaluator of evaluators) await eventually(async () => (await evaluator.revisionOf(set)) > 0);
    let next: Client<typeof EvaluationServiceService> | undefined;
    for (const at of [2, 1, 0]) {
      const hop = await startHop(evaluators[at % 2]?.evaluation, next);
      hops.push(hop);
      next = createClient(EvaluationServiceService, { target: `static:///${hop.address}`, key: meshKey });
      clients.push(next);
    }
    front = next;
  });

  after(async () => {
    for (const client of clients) client.close();
    await Promise.all(hops.map((hop) => hop.stop(100)));
    for (const evaluator of evaluators) await evaluator.stop();
    await config?.stop();
    await servers?.stop();
    await folder?.remove();
  });

  /** The first service of the chain. */
  let front: Client<typeof EvaluationServiceService> | undefined;

  /** A backend that asks an evaluator of its own, and then the next backend. It knows nothing of pins. */
  function startHop(
    evaluator: Client<typeof EvaluationServiceService> | undefined,
    next: Client<typeof EvaluationServiceService> | undefined,
  ): Promise<MeshServer> {
    const answer = async (): Promise<EvaluateResponse> => {
      const own = await evaluator?.evaluate(question, { timeoutMs });
      const further = await next?.evaluate(question, { timeoutMs });
      const seen = Decision.create({ name: 'hop', version: own?.provenance?.revision ?? 0 });
      return { decisions: [seen, ...(further?.decisions ?? [])], provenance: own?.provenance };
    };
    const refuse = (): never => {
      throw new Error('not asked for');
    };
    return startServer({
      mesh: {
        identity: { service: 'ingestion', instance: 'backend', region: 'test', version: '0' },
        grpcAddr: { host: '127.0.0.1', port: 0 },
        consulAddr: undefined,
        meshKey,
        logLevel: 'silent',
      },
      logger: silentLogger,
      findGrant: () => undefined,
      services: [
        bind(EvaluationServiceService, {
          evaluate: answer,
          evaluateAll: refuse,
          evaluateStream: refuse,
          explain: refuse,
          initializeClient: refuse,
        }),
      ],
      describe: () => ({ sets: [], counters: {} }),
    });
  }

  /** Changes the gate without a rest while `work` runs. @returns what it returned, and how many changes there were. */
  async function amidChanges<T>(work: () => Promise<T>): Promise<{ result: T; changes: number }> {
    let isOver = false;
    let changes = 0;
    const change = (async () => {
      while (!isOver) await rollOut(config.as(), set, 'checkout', ++changes % 101);
    })();
    try {
      return { result: await work(), changes };
    } finally {
      isOver = true;
      await change;
    }
  }

  /** The revisions that one request was answered by, hop by hop. */
  async function ask(baggage?: string): Promise<number[]> {
    const answer = await front?.evaluate(question, { timeoutMs, ...(baggage && { baggage }) });
    return (answer?.decisions ?? []).map(({ version }) => version ?? 0);
  }

  const requests = 300;

  it('is answered alike on all hops; one that is not pinned is not always', async () => {
    const local = new Sluice({ key: meshKey, target: `static:///${evaluators[0]?.address}`, set });
    clients.push({ close: () => void local.close({ timeoutMs: 100 }) });
    await local.ready();
    const { result, changes } = await amidChanges(async () => {
      const mixed = { pinned: 0, free: 0 };
      const isMixed = (revisions: readonly number[]): number => {
        assert.equal(revisions.length, 3);
        return new Set(revisions).size > 1 ? 1 : 0;
      };
      for (let i = 0; i < requests; i++) {
        const pin = local.pin();
        const revisions = await ask(pin.baggage);
        mixed.pinned += isMixed(revisions);
        assert.equal(revisions[0], pin.revision);
        mixed.free += isMixed(await ask());
      }
      return mixed;
    });
    assert(changes > 50, `${changes} changes are too few to tell anything`);
    assert.equal(result.pinned, 0);
    assert(result.free > 0, 'without pins some request should have seen two rulesets');
  });

  it('keeps its pin over the stream of questions of a remote client, each question its own', async () => {
    const remote = new RemoteSluice({ key: meshKey, target: `static:///${evaluators[1]?.address}`, set });
    clients.push({ close: () => void remote.close({ timeoutMs: 100 }) });
    const user = { userID: 'u' };
    const pin = await remote.pin();
    const { revision } = await rollOut(config.as(), set, 'checkout', 42);
    assert((await remote.gate('checkout', user, { minRevision: revision })).revision >= revision);
    assert.equal((await remote.gate('checkout', user, { pin })).revision, pin.revision);
    assert.equal((await remote.evaluateAll(user, { pin })).revision, pin.revision);
    assert((await remote.gate('checkout', user)).revision >= revision);
    const passedOn = await remote.pin(pin.baggage);
    assert.equal(passedOn.revision, pin.revision);
  });

  it('is refused for a revision that never was, naming what is held', async () => {
    const [evaluator] = evaluators;
    const unheard = evaluator?.evaluation.evaluate({ ...question, pinnedRevision: 1_000_000 }, { timeoutMs: 300 });
    await assert.rejects(unheard ?? Promise.resolve(), {
      kind: 'precondition',
      message: /pinned to revision 1000000 of chain\/production, and revisions \d+ to \d+ are held/,
    });
  });
});
