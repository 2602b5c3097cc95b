import assert from 'node:assert/strict';
import { bind, digestOf, type MeshServer, notFound, silentLogger, startServer } from '@sluice/mesh';
import { Decision, EvaluateResponse, EvaluationServiceService, KeyClass, Kind, Reason } from '@sluice/proto';
import { RemoteSluice } from './index.js';
import { key } from './test/mesh.js';
import { demo } from './test/model.js';

const user = { userID: 'u', privateAttributes: { age: 7 } };

describe('RemoteSluice', () => {
  let server: MeshServer;
  let remote: RemoteSluice;
  let streamed = 0;
  let unary = 0;
  let isStreamBroken = false;

  const decide = (kind: Kind, name: string): Decision => {
    if (name === 'lost') throw notFound('set', 'there is no such set');
    const base = { kind, name, reason: Reason.SPLIT, ruleId: 'r', groupName: 'test', detail: 'Recognized' };
    return Decision.create({ ...base, gateValue: name === 'on', valueJson: '{"color":"red","size":1}' });
  };
  const answer = (kind: Kind, name: string): EvaluateResponse =>
    EvaluateResponse.create({
      decisions: [decide(kind, name)],
      provenance: { set: demo, revision: 3, ageMs: 10, isStale: false },
    });

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
          evaluate: ({ keys: [first] }) => {
            unary++;
            return answer(first?.kind ?? Kind.GATE, first?.name ?? '');
          },
          evaluateAll: () => {
            const decisions = [decide(Kind.GATE, 'on'), decide(Kind.CONFIG, 'theme'), decide(Kind.LAYER, 'checkout')];
            return { decisions, provenance: { set: demo, revision: 3, ageMs: 10, isStale: false } };
          },
          evaluateStream: () => {
            if (isStreamBroken) throw new Error('broken');
            return async ({ id, request }) => {
              streamed++;
              const { kind = Kind.GATE, name = '' } = request?.keys[0] ?? {};
              // The later question is answered first.
              if (name === 'slow') await new Promise((resolve) => setTimeout(resolve, 50));
              if (name === 'lost') {
                return { id, result: { $case: 'error', value: { code: 5, message: 'no such set', field: 'set' } } };
              }
              return { id, result: { $case: 'answer', value: answer(kind, name) } };
            };
          },
          explain: () => {
            throw new Error('not asked for');
          },
          initializeClient: () => ({ documentJson: '{}', provenance: undefined }),
        }),
      ],
      describe: () => ({ sets: [], counters: {} }),
    });
    remote = new RemoteSluice({ key, target: `static:///${server.address}` });
  });

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
    assert.equal((await remote.parameterStore('store', user)).errorCode, 'UNSUPPORTED');
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

  it('falls back to calls of their own when the stream breaks', async () => {
    isStreamBroken = true;
    const other = new RemoteSluice({ key, target: `static:///${server.address}` });
    assert.equal(await other.checkGate('on', user), true);
    assert.equal(unary, 1);
    isStreamBroken = false;
    assert.equal(await other.checkGate('on', user), true);
    assert.equal(unary, 1);
    await other.close();
  });
});
