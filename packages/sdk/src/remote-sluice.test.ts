import assert from 'node:assert/strict';
import {
  bind,
  digestOf,
  type MeshServer,
  notFound,
  pinnedRevision,
  preconditionFailed,
  silentLogger,
  startServer,
  statusOf,
  withBaggage,
} from '@sluice/mesh';
import {
  Decision,
  type EvaluateRequest,
  EvaluateResponse,
  EvaluationServiceService,
  type InitializeClientRequest,
  KeyClass,
  Kind,
  Reason,
} from '@sluice/proto';
import { RemoteSluice, type RemoteSluiceOptions } from './index.js';
import { eventually, key } from './test/mesh.js';
import { demo } from './test/model.js';

const user = { userID: 'u', privateAttributes: { age: 7 } };

describe('RemoteSluice', () => {
  let server: MeshServer;
  let remote: RemoteSluice;
  let streamed = 0;
  let unary = 0;
  let isStreamBroken = false;
  /** What the evaluator holds. */
  let revision = 3;
  let ageMs = 10;
  /** Every question, but for the background's looks at the revision. */
  const asked: Partial<EvaluateRequest>[] = [];
  let askedToInitialize: InitializeClientRequest | undefined;

  const decide = (kind: Kind, name: string): Decision => {
    if (name === 'lost') throw notFound('set', 'there is no such set');
    const base = { kind, name, reason: Reason.SPLIT, ruleId: 'r', groupName: 'test', detail: 'Recognized' };
    if (kind === Kind.UNSPECIFIED) return Decision.create({ ...base, kind: name === 'trial' ? Kind.EXPERIMENT : kind });
    if (kind === Kind.PARAM_STORE) {
      const source = (parameter: string, of: Kind, entity: string) => ({
        parameter,
        source: { kind: of, name: entity },
      });
      const parameterSources = [source('isNew', Kind.GATE, 'on'), source('button', Kind.LAYER, 'checkout')];
      return Decision.fromPartial({
        ...base,
        parameterSources,
        valueJson: '{"title":"Shop","isNew":true,"button":"green"}',
      });
    }
    return Decision.create({ ...base, gateValue: name === 'on', valueJson: '{"color":"red","size":1}' });
  };
  const provenance = (pin?: number) => ({ set: demo, revision: pin ?? revision, ageMs, isStale: false });
  const answer = (request: Partial<EvaluateRequest>): EvaluateResponse => {
    const [{ kind = Kind.GATE, name = '' } = {}] = request.keys ?? [];
    if (name !== '(probe)') asked.push(request);
    if ((request.minRevision ?? 0) > revision) throw preconditionFailed('min_revision', 'is not here yet');
    return EvaluateResponse.create({ decisions: [decide(kind, name)], provenance: provenance(request.pinnedRevision) });
  };

  before(async () => {
    server = await startServer({
      mesh: {
        identity: { service: 'evaluation', instance: 'evaluation-1', region: 'test', version: '0' },
        grpcAddr: { host: '127.0.0.1', port: 0 },
        consulAddr: undefined,
        meshKey: 'mesh-of-the-tests',
        logLevel: 'silent',
      },
      logger: silentLogger,
      findGrant: (digest) =>
        digest === digestOf(key) ? { keyClass: KeyClass.SERVER, ...demo, canWrite: false, label: '' } : undefined,
      services: [
        bind(EvaluationServiceService, {
          evaluate: (request, call) => {
            unary++;
            return answer({ ...request, pinnedRevision: request.pinnedRevision ?? pinnedRevision(call.baggage, demo) });
          },
          evaluateAll: (request, call) => {
            asked.push(request);
            const pin = request.pinnedRevision ?? pinnedRevision(call.baggage, demo);
            const decisions = [decide(Kind.GATE, 'on'), decide(Kind.CONFIG, 'theme'), decide(Kind.LAYER, 'checkout')];
            return { decisions, provenance: provenance(pin) };
          },
          evaluateStream: () => {
            if (isStreamBroken) throw new Error('broken');
            return async ({ id, request }) => {
              streamed++;
              const [{ name = '' } = {}] = request?.keys ?? [];
              // The later question is answered first.
              if (name === 'slow') await new Promise((resolve) => setTimeout(resolve, 50));
              if (name === 'lost') {
                return { id, result: { $case: 'error', value: { code: 5, message: 'no such set', field: 'set' } } };
              }
              try {
                return { id, result: { $case: 'answer', value: answer(request ?? {}) } };
              } catch (error) {
                const { code, details: message = '' } = statusOf(error);
                return { id, result: { $case: 'error', value: { code, message, field: '' } } };
              }
            };
          },
          explain: () => {
            throw new Error('not asked for');
          },
          initializeClient: (request) => {
            askedToInitialize = request;
            return { documentJson: '{"has_updates":true}', provenance: undefined };
          },
        }),
      ],
      describe: () => ({ sets: [], counters: {} }),
    });
    remote = new RemoteSluice({ key, target: `static:///${server.address}` });
  });

  beforeEach(() => {
    asked.length = 0;
    revision = 3;
    ageMs = 10;
  });

  const keysAsked = (): string[] => asked.map(({ keys }) => keys?.[0]?.name ?? '');

  /** A client of its own, for as long as `use` takes. */
  async function withClient(part: Partial<RemoteSluiceOptions>, use: (client: RemoteSluice) => Promise<void>) {
    const client = new RemoteSluice({ key, target: `static:///${server.address}`, ...part });
    try {
      await use(client);
    } finally {
      await client.close({ timeoutMs: 100 });
    }
  }

  after(async () => {
    await remote.close();
    await server.stop(100);
  });

  it('asks over one stream and matches answers by id', async () => {
    const [slow, on] = await Promise.all([remote.gate('slow', user), remote.gate('on', user)]);
    assert.deepEqual([slow.name, slow.value, on.name, on.value], ['slow', false, 'on', true]);
    assert.deepEqual([on.reason, on.groupName, on.revision, on.isStale], ['SPLIT', 'test', 3, false]);
    assert.ok(on.ageMs >= 10);
    assert.equal(await remote.checkGate('on', user), true);
    assert.deepEqual([streamed, unary], [3, 0]);
  });

  it('answers by the same names as local evaluation', async () => {
    assert.equal((await remote.config('theme', user)).get('color', ''), 'red');
    assert.equal((await remote.experiment('trial', user)).get('size', 'x'), 'x');
    assert.equal((await remote.layer('checkout', user)).get('size', 0), 1);
    const all = await remote.evaluateAll(user);
    assert.deepEqual([all.gates.size, all.configs.size, all.layers.size, all.revision], [1, 1, 1, 3]);
  });

  it('gives defaults with a reason rather than reject', async () => {
    const lost = await remote.gate('lost', user);
    assert.deepEqual([lost.value, lost.reason, lost.detail], [false, 'ERROR', 'Error: no such set']);
    const nowhere = new RemoteSluice({ key, target: 'static:///127.0.0.1:1', timeoutMs: 300 });
    assert.equal(await nowhere.checkGate('on', user), false);
    assert.equal((await nowhere.config('theme', user)).get('color', 'blue'), 'blue');
    assert.equal((await nowhere.evaluateAll(user)).gates.size, 0);
    await nowhere.close();
  });

  it('reads stores, and tells the evaluator once of each source that was seen', async () => {
    const store = await remote.parameterStore('store', user);
    assert.deepEqual([store.get('title', ''), store.get('isNew', 'x'), store.get('none', 7)], ['Shop', 'x', 7]);
    assert.equal(store.get('button', 7), 7);
    await remote.flush();
    assert.deepEqual(keysAsked(), ['store', 'on']);
    assert.deepEqual(
      [store.get('isNew', false), store.get('button', ''), store.get('button', '')],
      [true, 'green', 'green'],
    );
    await remote.flush();
    assert.deepEqual(keysAsked(), ['store', 'on', 'checkout']);
    assert.deepEqual(
      asked.map(({ isExposureDisabled, pinnedRevision: pin }) => [isExposureDisabled, pin]),
      [
        [true, undefined],
        [false, 3],
        [false, 3],
      ],
    );
    const quiet = await remote.parameterStore('store', user, { exposure: false });
    assert.equal(quiet.get('isNew', false), true);
    assert.deepEqual(keysAsked().slice(3), ['store']);
  });

  it('gives what the process forces without asking', async () => {
    await withClient({}, async (client) => {
      client.overrides.gate('on', false, 'u');
      client.overrides.config('theme', { color: 'black' });
      client.overrides.experiment('trial', { button: 'blue' });
      client.overrides.experiment('other', 'test');
      client.overrides.layer('checkout', { size: 99 });
      const gate = await client.gate('on', user);
      assert.deepEqual([gate.value, gate.ruleID, gate.detail], [false, 'override', 'LocalOverride:Recognized']);
      assert.equal((await client.config('theme', user)).get('color', ''), 'black');
      assert.equal((await client.experiment('trial', user)).get('button', ''), 'blue');
      assert.equal((await client.layer('checkout', user)).get('size', 0), 99);
      const group = await client.experiment('other', user);
      assert.deepEqual([group.errorCode, group.get('button', 'x')], ['UNSUPPORTED', 'x']);
      assert.deepEqual(asked, []);
      assert.equal(await client.checkGate('on', { userID: 'somebody else' }), true);
      const all = await client.evaluateAll(user);
      assert.deepEqual([all.gates.get('on')?.value, all.layers.get('checkout')?.get('size', 0)], [false, 99]);
      client.overrides.clear();
      assert.equal(await client.checkGate('on', user), true);
    });
  });

  it('says what kind an entity is of, and hands on what client SDKs start from', async () => {
    assert.deepEqual([await remote.kindOf('trial'), await remote.kindOf('none')], ['experiment', undefined]);
    assert.equal(asked[0]?.isExposureDisabled, true);
    const document = await remote.clientInitializeResponse(user, { format: 2, hashAlgorithm: 'none' });
    assert.deepEqual(document, { has_updates: true });
    assert.deepEqual([askedToInitialize?.format, askedToInitialize?.user?.userId], [2, 'u']);
    assert.deepEqual(Object.keys(askedToInitialize?.user?.privateAttributes ?? {}), ['age']);
  });

  it('is ready when somebody answers, and knows where it stands', async () => {
    await withClient({}, async (client) => {
      assert.deepEqual([client.status().revision, client.status().isConnected], [0, false]);
      await client.ready();
      const { revision: held, source, isStale, isConnected, problem } = client.status();
      assert.deepEqual([held, source, isStale, isConnected, problem], [3, 'network', false, true, undefined]);
    });
    await withClient({ target: 'static:///127.0.0.1:1' }, async (client) => {
      await assert.rejects(client.ready({ timeoutMs: 200 }), {
        kind: 'deadline',
        message: /No answer within 200 ms: /,
      });
      assert.equal(client.status().isConnected, false);
      assert.equal(typeof client.status().problem, 'string');
    });
  });

  it('waits for a revision, and says what is there instead', async () => {
    await assert.rejects(remote.waitForRevision(4, { timeoutMs: 100 }), {
      kind: 'deadline',
      message: 'Revision 4 did not come within 100 ms: revision 3 decides.',
    });
    const waiting = remote.waitForRevision(4);
    revision = 4;
    await waiting;
    assert.equal(remote.status().revision, 4);
  });

  it('tells of another revision, with the next answer or by looking', async () => {
    await withClient({}, async (client) => {
      await client.ready();
      const told: number[][] = [];
      const stop = client.onChange((change) => told.push([change.previousRevision, change.revision]));
      revision = 5;
      await client.checkGate('on', user);
      assert.deepEqual(told, [[3, 5]]);
      revision = 6;
      await eventually(() => told.length === 2);
      assert.deepEqual(keysAsked(), ['on']);
      stop();
      revision = 7;
      await client.checkGate('on', user);
      assert.equal(told.length, 2);
    });
  });

  it('says that an answer has grown stale', async () => {
    await withClient({ staleAfterMs: 300 }, async (client) => {
      const gate = await client.gate('on', user);
      assert.deepEqual([gate.reason, gate.isStale], ['SPLIT', false]);
      await eventually(() => gate.isStale);
      assert.equal(gate.reason, 'STALE');
      ageMs = 1_000;
      assert.equal((await client.gate('on', user)).reason, 'STALE');
    });
  });

  it('minds a pin in the baggage around the work, by whatever way it asks', async () => {
    const baggage = `sluice.revision.${demo.project}.${demo.environment}=2`;
    await withClient({}, async (client) => {
      const before = unary;
      await withBaggage(baggage, async () => {
        // Whose pin it is shows only with the first answer.
        assert.equal((await client.gate('on', user)).revision, 2);
        assert.equal(unary, before + 1);
        assert.equal((await client.gate('on', user)).revision, 2);
        assert.equal(unary, before + 1);
        assert.equal((await client.evaluateAll(user)).revision, 2);
        await client.clientInitializeResponse(user);
        assert.equal(askedToInitialize?.pinnedRevision, 2);
        assert.equal((await client.gate('on', user, { pin: { revision: 1, baggage: '' } })).revision, 1);
      });
      assert.equal((await client.gate('on', user)).revision, 3);
      assert.equal(client.status().revision, 3);
    });
    await withClient({}, async (client) => {
      await withBaggage(baggage, async () => assert.equal((await client.evaluateAll(user)).revision, 2));
      assert.equal(client.status().revision, 0, 'a pinned answer says nothing of the newest');
    });
    await withClient({ set: demo }, async (client) => {
      const before = unary;
      await withBaggage(baggage, async () => assert.equal((await client.gate('on', user)).revision, 2));
      assert.equal(unary, before);
    });
  });

  it('gives every user the attributes of the client', async () => {
    await withClient({ globalCustomFields: { plan: 'pro' } }, async (client) => {
      await client.gate('on', user);
      await client.evaluateAll({ userID: 'u', custom: { plan: 'free' } });
    });
    assert.deepEqual(
      asked.map(({ user: who }) => who?.custom.plan?.kind?.value),
      ['pro', 'free'],
    );
  });

  it('refuses options that can not be used, by name', () => {
    const target = 'static:///127.0.0.1:1';
    assert.throws(() => new RemoteSluice({ key, target, timeoutMs: 0 }), { kind: 'invalid', field: 'timeoutMs' });
    assert.throws(() => new RemoteSluice({ key: '', target }), { kind: 'invalid', field: 'key' });
  });

  it('falls back to calls of their own when the stream breaks', async () => {
    isStreamBroken = true;
    const other = new RemoteSluice({ key, target: `static:///${server.address}` });
    const before = unary;
    assert.equal(await other.checkGate('on', user), true);
    assert.equal(unary, before + 1);
    isStreamBroken = false;
    assert.equal(await other.checkGate('on', user), true);
    assert.equal(unary, before + 1);
    await other.close();
  });
});
