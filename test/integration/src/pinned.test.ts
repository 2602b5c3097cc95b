/** One request through three services decides by one revision when it is pinned, whatever changes meanwhile. */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { userFromJson } from '@sluice/codec';
import {
  bind,
  type Client,
  createClient,
  currentBaggage,
  pinBaggage,
  Scope,
  silentLogger,
  startServer,
  withBaggage,
} from '@sluice/mesh';
import {
  ConfigServiceService,
  Decision,
  EvaluateRequest,
  EvaluateResponse,
  EvaluationServiceService,
  ImportRulesetRequest,
  type SetRef,
} from '@sluice/proto';
import { eventually, startMesh, type TestMesh } from '@sluice/testkit';
import { gateOf, rollOut, ruleOf, timeoutMs } from './authority.js';

const set: SetRef = { project: 'chain', environment: 'production' };
/** How long each way is tried, in milliseconds, and by how many at a time. */
const forMs = 3_000;
const lanes = 10;
const requestsLeast = 100;
const changesPerSecond = 100;
const hops = ['front', 'middle', 'back'];

/** A service of somebody's own: it asks a gate, hands the request on, and answers what all hops behind it saw. */
const hopDefinition = { evaluate: { ...EvaluationServiceService.evaluate, path: '/chain.Hop/Evaluate' } };
type Hop = Client<typeof hopDefinition>;

describe('a chain of three services', function () {
  this.timeout(120_000);
  const scope = new Scope();
  let mesh: TestMesh;
  let config: Client<ConfigServiceService>;
  let front: Hop;

  before(async () => {
    mesh = await startMesh({ evaluators: 2, services: ['config', 'evaluation'] });
    scope.push('mesh', () => mesh.stop());
    config = connect(ConfigServiceService, mesh.process('config-1').address);
    const entities = [gateOf('checkout', [ruleOf('everyone', 0)])];
    const request = ImportRulesetRequest.fromPartial({ set, entities, reason: 'a test' });
    const { revision } = await config.importRuleset(request, { timeoutMs });
    await eventually(async () => (await config.waitForRevision({ set, revision }, { timeoutMs })).isComplete);
    let next: Hop | undefined;
    for (const name of hops.toReversed()) next = await startHop(name, next);
    assert(next);
    front = next;
  });

  after(() => scope.close());

  function connect<D extends object>(definition: D, ...addresses: string[]): Client<D> {
    const client = createClient(definition, { target: `static:///${addresses.join(',')}`, key: mesh.rootKey });
    scope.push('client', () => client.close());
    return client;
  }

  /** The first hop may pin what follows to the revision that it decided by itself. */
  async function startHop(instance: string, next: Hop | undefined): Promise<Hop> {
    const evaluation = connect(
      EvaluationServiceService,
      mesh.process('evaluation-1').address,
      mesh.process('evaluation-2').address,
    );
    const server = await startServer({
      mesh: {
        identity: { service: 'evaluation', instance, region: 'test', version: '0' },
        grpcAddr: { host: '127.0.0.1', port: 0 },
        consulAddr: undefined,
        meshKey: mesh.rootKey,
        logLevel: 'silent',
      },
      logger: silentLogger,
      findGrant: () => undefined,
      services: [
        bind(hopDefinition, {
          evaluate: async (request, call) => {
            const options = { timeoutMs: call.remainingMs() };
            const { provenance } = await evaluation.evaluate(request, options);
            const revision = provenance?.revision ?? 0;
            const isPinning = instance === 'front' && request.user?.custom.pin !== undefined;
            const baggage = isPinning ? pinBaggage(currentBaggage(), set, revision) : currentBaggage();
            const rest = await withBaggage(baggage, () => next?.evaluate(request, options));
            const own = Decision.fromPartial({ name: instance, detail: String(revision) });
            return EvaluateResponse.fromPartial({ decisions: [own, ...(rest?.decisions ?? [])] });
          },
        }),
      ],
      describe: () => ({ sets: [], counters: {} }),
    });
    scope.push(instance, () => server.stop(1_000));
    return connect(hopDefinition, server.address);
  }

  /** @returns the revision that each hop decided by. */
  async function ask(isPinned: boolean): Promise<string[]> {
    const user = userFromJson({ userID: 'u', ...(isPinned ? { custom: { pin: true } } : {}) });
    const request = EvaluateRequest.fromPartial({ set, keys: [{ name: 'checkout' }], user, isExposureDisabled: true });
    const { decisions } = await front.evaluate(request, { timeoutMs });
    assert.deepEqual(
      decisions.map(({ name }) => name),
      hops,
    );
    return decisions.map(({ detail }) => detail);
  }

  /** Changes the gate at a fixed rate until told to stop. @returns how many changes were committed. */
  function changeSteadily(): () => Promise<number> {
    const stop = new AbortController();
    const pending: Promise<unknown>[] = [];
    const started = performance.now();
    const loop = (async () => {
      for (let sent = 0; !stop.signal.aborted; ) {
        const due = Math.floor(((performance.now() - started) * changesPerSecond) / 1_000);
        for (; sent < due; sent++) pending.push(rollOut({ config }, set, 'checkout', sent % 100));
        await delay(2);
      }
    })();
    return async () => {
      stop.abort();
      await loop;
      await Promise.all(pending);
      return pending.length;
    };
  }

  /** Asks in ten lanes for `forMs` while the gate changes. @returns requests whose hops decided by different revisions. */
  async function mixedRequests(isPinned: boolean): Promise<{ mixed: number; asked: number; changes: number }> {
    const stop = changeSteadily();
    const until = performance.now() + forMs;
    let mixed = 0;
    let asked = 0;
    const lane = async (): Promise<void> => {
      while (performance.now() < until) {
        if (new Set(await ask(isPinned)).size > 1) mixed++;
        asked++;
      }
    };
    try {
      await Promise.all(Array.from({ length: lanes }, lane));
    } finally {
      await stop();
    }
    return { mixed, asked, changes: await stop() };
  }

  for (const isPinned of [false, true]) {
    const expected = isPinned ? 'decides each request by one revision' : 'mixes revisions';
    it(`${expected} at ${changesPerSecond} changes a second when ${isPinned ? '' : 'not '}pinned`, async () => {
      const { mixed, asked, changes } = await mixedRequests(isPinned);
      const rate = (changes * 1_000) / forMs;
      assert(rate >= changesPerSecond * 0.9, `only ${rate} changes a second were made`);
      assert(asked >= requestsLeast, `only ${asked} requests were made`);
      if (isPinned) assert.equal(mixed, 0, `${mixed} of ${asked} requests were mixed`);
      else assert(mixed > 0, 'no request met a change: this test could not see a fault');
    });
  }
});
