import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { connectBus } from '@sluice/bus';
import { userFromJson } from '@sluice/codec';
import { startEvaluation } from '@sluice/evaluation';
import { bind, type Client, createClient, Scope, silentLogger, startServer, unavailable } from '@sluice/mesh';
import {
  Ack,
  DecisionError,
  type Entity,
  EvaluationServiceService,
  type Event,
  type Frame,
  HealthService,
  IngestionServiceService,
  InstanceServiceService,
  KeyClass,
  Kind,
  Outcome,
  Reason,
  RulesetServiceService,
  type SetRef,
} from '@sluice/proto';
import { applyFrame, emptyState, rawFrame } from '@sluice/replica';
import { eventually, type Servers, startServers, temporaryFolder } from '@sluice/testkit';
import {
  type Authority,
  type Caller,
  freshDatabase,
  gateOf,
  grantOf,
  importInto,
  rollOut,
  ruleOf,
  startAuthority,
  timeoutMs,
} from './authority.js';

const meshKey = 'mesh-of-the-tests';
const set: SetRef = { project: 'shop', environment: 'production' };
const user = userFromJson({ userID: 'u' });

/** A port on which nobody listens. */
const nowhere = 'static:///127.0.0.1:1';

interface Evaluator {
  readonly address: string;
  readonly evaluation: Client<typeof EvaluationServiceService>;
  readonly rulesets: Client<typeof RulesetServiceService>;
  /** Connects with another key. */
  as(key: string): Client<typeof EvaluationServiceService> & { watch: Client<typeof RulesetServiceService> };
  counters(): Promise<Record<string, number>>;
  isServing(): Promise<boolean>;
  stop(): Promise<void>;
}

interface Places {
  readonly natsUrl: string;
  readonly configTarget: string;
  readonly ingestionTarget: string;
  readonly stateDir: string;
}

async function startEvaluator(places: Places, staleAfterMs = 60_000): Promise<Evaluator> {
  const scope = new Scope();
  const { address } = await startEvaluation(
    {
      identity: { service: 'evaluation', instance: 'evaluation-1', region: 'test', version: '0' },
      grpcAddr: { host: '127.0.0.1', port: 0 },
      consulAddr: undefined,
      meshKey,
      logLevel: 'silent',
      staleAfterMs,
      exposuresMax: 1_000,
      ...places,
    },
    scope,
  );
  const clientOf = <D extends object>(definition: D, key: string): Client<D> => {
    const client = createClient(definition, { target: `static:///${address}`, key });
    scope.push('test client', () => client.close());
    return client;
  };
  return {
    address,
    evaluation: clientOf(EvaluationServiceService, meshKey),
    rulesets: clientOf(RulesetServiceService, meshKey),
    as: (key) =>
      Object.assign(clientOf(EvaluationServiceService, key), { watch: clientOf(RulesetServiceService, key) }),
    counters: async () => (await clientOf(InstanceServiceService, meshKey).getInstance({}, { timeoutMs })).counters,
    isServing: async () => (await clientOf(HealthService, meshKey).check({ service: '' }, { timeoutMs })).status === 1,
    stop: async () => assert.deepEqual(await scope.close(), []),
  };
}

/** Takes in exposures, unless it is told to be away. */
async function startIngestionRecorder() {
  const events: Event[] = [];
  const recorder = { isAway: false, events, target: '', stop: () => Promise.resolve() };
  const server = await startServer({
    mesh: {
      identity: { service: 'ingestion', instance: 'ingestion-1', region: 'test', version: '0' },
      grpcAddr: { host: '127.0.0.1', port: 0 },
      consulAddr: undefined,
      meshKey,
      logLevel: 'silent',
    },
    logger: silentLogger,
    findGrant: () => undefined,
    services: [
      bind(IngestionServiceService, {
        logEvents: ({ events: batch }) => {
          if (recorder.isAway) throw unavailable('away');
          events.push(...batch);
          return { outcomes: batch.map(() => ({ outcome: Outcome.ACCEPTED, reason: '' })), durability: 1 };
        },
        streamEvents: () => () => {
          throw unavailable('not here');
        },
      }),
    ],
    describe: () => ({ sets: [], counters: {} }),
  });
  recorder.target = `static:///${server.address}`;
  recorder.stop = () => server.stop(1_000);
  return recorder;
}

const ask = (
  evaluator: Evaluator,
  name: string,
  part: { minRevision?: number; kind?: Kind; deadlineMs?: number } = {},
) =>
  evaluator.evaluation.evaluate(
    {
      set,
      keys: [{ kind: part.kind ?? Kind.UNSPECIFIED, name }],
      user,
      minRevision: part.minRevision ?? 0,
      atRevision: 0,
      isExposureDisabled: false,
    },
    { timeoutMs: part.deadlineMs ?? timeoutMs },
  );

describe('evaluation', function () {
  this.timeout(60_000);
  let servers: Servers;
  let config: Authority;
  let root: Caller;
  let ingestion: Awaited<ReturnType<typeof startIngestionRecorder>>;
  let state: Awaited<ReturnType<typeof temporaryFolder>>;
  let places: Places;
  let evaluator: Evaluator;
  const gates: Entity[] = [
    gateOf('checkout', [ruleOf('everyone', 100)]),
    gateOf('half', [ruleOf('half', 50)]),
    gateOf('off', [], { enabled: false }),
  ];

  before(async () => {
    servers = await startServers({ postgres: true, nats: true });
    config = await startAuthority(servers, await freshDatabase(servers));
    root = config.as();
    await importInto(root, set, gates);
    ingestion = await startIngestionRecorder();
    state = await temporaryFolder();
    places = {
      natsUrl: servers.natsUrl,
      configTarget: `static:///${config.address}`,
      ingestionTarget: ingestion.target,
      stateDir: state.path,
    };
    evaluator = await startEvaluator(places);
    await eventually(() => evaluator.isServing());
    await eventually(async () => (await evaluator.rulesets.listSets({}, { timeoutMs })).sets.length > 0);
  });

  after(async () => {
    await evaluator?.stop();
    await ingestion?.stop();
    await config?.stop();
    await servers?.stop();
    await state?.remove();
  });

  it('decides, and says why and from what', async () => {
    const { decisions, provenance } = await evaluator.evaluation.evaluate(
      {
        set,
        keys: ['checkout', 'half', 'off', 'nothing'].map((name) => ({ kind: Kind.UNSPECIFIED, name })),
        user,
        minRevision: 0,
        atRevision: 0,
        isExposureDisabled: true,
      },
      { timeoutMs },
    );
    assert.deepEqual(
      decisions.map(({ name, reason, error }) => [name, reason, error]),
      [
        ['checkout', Reason.STATIC, DecisionError.UNSPECIFIED],
        ['half', Reason.SPLIT, DecisionError.UNSPECIFIED],
        ['off', Reason.DISABLED, DecisionError.UNSPECIFIED],
        ['nothing', Reason.ERROR, DecisionError.FLAG_NOT_FOUND],
      ],
    );
    assert.equal(decisions[0]?.gateValue, true);
    assert.deepEqual(provenance?.set, set);
    assert((provenance?.revision ?? 0) >= 1);
    assert.equal(provenance?.isStale, false);
    const all = await evaluator.evaluation.evaluateAll({ set, user, minRevision: 0, atRevision: 0 }, { timeoutMs });
    assert.equal(all.decisions.length, 3);
  });

  it('reads your writes', async () => {
    for (const [at, percent] of [0, 100, 0, 100].entries()) {
      const { revision } = await rollOut(root, set, 'checkout', percent);
      const { decisions, provenance } = await ask(evaluator, 'checkout', { minRevision: revision });
      assert.equal(decisions[0]?.gateValue, percent === 100, `write ${at}`);
      assert((provenance?.revision ?? 0) >= revision);
    }
    await assert.rejects(ask(evaluator, 'checkout', { minRevision: 1_000_000, deadlineMs: 300 }), (error) => {
      assert(error instanceof Error && 'kind' in error);
      assert.equal(error.kind, 'precondition');
      assert.match(
        error.message,
        /^min_revision: revision 1000000 of shop\/production is not here yet, revision \d+ is/,
      );
      return true;
    });
  });

  it('refuses what is wrong, naming the field', async () => {
    const good = {
      set,
      keys: [{ kind: Kind.GATE, name: 'checkout' }],
      user,
      minRevision: 0,
      atRevision: 0,
      isExposureDisabled: true,
    };
    const wrongs: [Partial<typeof good>, string, RegExp][] = [
      [{ keys: [] }, 'invalid', /^keys: /],
      [{ set: { project: '', environment: '' } }, 'invalid', /^set\.project: /],
      [{ set: { project: 'nobody', environment: 'production' } }, 'not_found', /^set\.project: nobody has no ruleset/],
      [
        { set: { project: 'shop', environment: 'moon' } },
        'not_found',
        /^set\.environment: shop has no ruleset in moon/,
      ],
      [
        { user: { ...user, custom: { a: { kind: { $case: 'json', value: '{' } } } } },
        'invalid',
        /^user\.custom\.a: is not JSON text/,
      ],
      [{ user: userFromJson({ userID: 'x'.repeat(300_000) }) }, 'exhausted', /./],
    ];
    for (const [wrong, kind, message] of wrongs) {
      await assert.rejects(evaluator.evaluation.evaluate({ ...good, ...wrong }, { timeoutMs }), (error) => {
        assert(error instanceof Error && 'kind' in error);
        assert.equal(error.kind, kind, error.message);
        assert.match(error.message, message);
        return true;
      });
    }
  });

  it('knows keys by the ruleset, and keeps each to its own', async () => {
    const make = async (keyClass: KeyClass) =>
      (await root.config.createKey({ grant: grantOf({ keyClass, ...set }), isReused: false }, { timeoutMs })).secret;
    const server = evaluator.as(await make(KeyClass.SERVER));
    const client = evaluator.as(await make(KeyClass.CLIENT));
    const request = {
      set: undefined,
      keys: [{ kind: Kind.GATE, name: 'checkout' }],
      user,
      minRevision: 0,
      atRevision: 0,
      isExposureDisabled: true,
    };
    for (const each of [server, client]) {
      assert.deepEqual((await each.evaluate(request, { timeoutMs })).provenance?.set, set);
      const other = { project: 'shop', environment: 'staging' };
      await assert.rejects(each.evaluate({ ...request, set: other }, { timeoutMs }), { kind: 'forbidden' });
    }
    assert.equal((await server.watch.listSets({}, { timeoutMs })).sets.length, 1);
    await assert.rejects(client.watch.listSets({}, { timeoutMs }), { kind: 'forbidden' });
    await assert.rejects(client.watch.getRuleset({ set: undefined, revision: 0 }, { timeoutMs }), {
      kind: 'forbidden',
    });
    await assert.rejects(evaluator.as('sluice_server_unknown').evaluate(request, { timeoutMs }), {
      kind: 'unauthenticated',
    });
  });

  it('relays a snapshot, then each change, and heartbeats in between', async () => {
    const stop = new AbortController();
    const frames: Frame[] = [];
    let heartbeats = 0;
    const start = { set, revision: 0, stateHash: Buffer.alloc(0) };
    for await (const { item } of evaluator.rulesets.watchRuleset(start, { signal: stop.signal })) {
      if (item?.$case === 'heartbeat') heartbeats++;
      if (item?.$case === 'frame') frames.push(item.value);
      if (frames.length < 3) await rollOut(root, set, 'checkout', 30 + frames.length);
      if (frames.length >= 3 && heartbeats > 0) break;
    }
    stop.abort();
    let held = emptyState(set);
    for (const frame of frames) {
      const outcome = applyFrame(held, rawFrame(frame));
      assert(outcome.kind === 'applied', outcome.kind);
      held = outcome.state;
    }
    const { frame } = await evaluator.rulesets.getRuleset({ set, revision: 0 }, { timeoutMs });
    assert.equal(Buffer.from(held.stateHash).toString('hex'), frame?.stateHash.toString('hex'));
  });

  it('acknowledges what it applied, again and again', async () => {
    const bus = await connectBus({ url: servers.natsUrl, name: 'test', logger: silentLogger });
    try {
      const acks: Ack[] = [];
      const release = bus.subscribe('ack.v1.>', ({ data }) => acks.push(Ack.decode(data)));
      const { revision } = await rollOut(root, set, 'checkout', 77);
      await eventually(() => acks.filter((ack) => ack.revision === revision).length >= 2);
      const ack = acks.find((each) => each.revision === revision);
      assert.equal(ack?.instance, 'evaluation-1');
      assert((ack?.appliedAtMs ?? 0) >= (ack?.committedAtMs ?? Number.NaN) - 1);
      await release();
    } finally {
      await bus.close();
    }
  });

  it('sends exposures once, also when ingestion was away', async () => {
    await eventually(async () => (await evaluator.counters()).exposures_waiting === 0);
    ingestion.isAway = true;
    const before = ingestion.events.length;
    for (let at = 0; at < 20; at++) await ask(evaluator, 'checkout');
    assert.equal((await evaluator.counters()).exposures_waiting, 20);
    ingestion.isAway = false;
    await eventually(() => ingestion.events.length === before + 20);
    assert.equal(new Set(ingestion.events.map(({ id }) => id)).size, ingestion.events.length);
    await eventually(async () => (await evaluator.counters()).exposures_waiting === 0);
    const counters = await evaluator.counters();
    assert.equal(counters.exposures_accepted, counters.exposures_generated);
  });

  it('hears of changes over gRPC while NATS is dead', async () => {
    await servers.nats?.kill();
    try {
      const { revision } = await rollOut(root, set, 'checkout', 0);
      assert.equal((await ask(evaluator, 'checkout', { minRevision: revision })).decisions[0]?.gateValue, false);
    } finally {
      await servers.nats?.start();
    }
    const { revision } = await rollOut(root, set, 'checkout', 100);
    assert.equal((await ask(evaluator, 'checkout', { minRevision: revision })).decisions[0]?.gateValue, true);
  });

  it('serves from disk with everything else dead, and says that it is stale', async () => {
    await evaluator.stop();
    const dead = { ...places, natsUrl: 'nats://127.0.0.1:1', configTarget: nowhere, ingestionTarget: nowhere };
    evaluator = await startEvaluator(dead, 1);
    await eventually(() => evaluator.isServing());
    const { decisions, provenance } = await ask(evaluator, 'checkout');
    assert.equal(decisions[0]?.gateValue, true);
    assert.equal(decisions[0]?.reason, Reason.STALE);
    assert.equal(provenance?.isStale, true);
  });

  it('sets a damaged file aside, and is not ready until config answers', async () => {
    await evaluator.stop();
    const directory = join(state.path, 'rulesets');
    const path = join(directory, 'shop@production.ruleset');
    const bytes = await readFile(path);
    await writeFile(path, bytes.subarray(0, bytes.length >> 1));
    evaluator = await startEvaluator({ ...places, natsUrl: 'nats://127.0.0.1:1', configTarget: nowhere });
    assert.equal(await evaluator.isServing(), false);
    assert.deepEqual(await readdir(directory), ['shop@production.ruleset.corrupt']);
    await evaluator.stop();
    evaluator = await startEvaluator(places);
    await eventually(() => evaluator.isServing());
    await eventually(async () => (await ask(evaluator, 'checkout')).decisions[0]?.gateValue === true);
  });
});
