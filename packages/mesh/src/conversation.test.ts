import assert from 'node:assert/strict';
import { type EvaluateStreamRequest, type EvaluateStreamResponse, EvaluationServiceService } from '@sluice/proto';
import { bind } from './bind.js';
import { type Client, createClient } from './client.js';
import { type Answer, inFlightMax } from './conversation.js';
import type { Duplex } from './duplex.js';
import { invalid, type SluiceError, unavailable } from './errors.js';
import { silentLogger } from './logger.js';
import { type MeshServer, startServer } from './server.js';

const key = 'mesh-secret';
const definition = { evaluateStream: EvaluationServiceService.evaluateStream };

const question = (id: number): EvaluateStreamRequest => ({ id, request: undefined, timeoutMs: 0 });
const answerTo = ({ id }: EvaluateStreamRequest): EvaluateStreamResponse => ({ id, result: undefined });

interface Talk {
  readonly duplex: Duplex<EvaluateStreamRequest>;
  readonly ids: number[];
  readonly ended: Promise<SluiceError | undefined>;
  /** Resolves when so many answers have come. */
  count(wanted: number): Promise<void>;
}

describe('conversations', () => {
  let server: MeshServer;
  let client: Client<typeof definition>;
  let answer: Answer<EvaluateStreamRequest, EvaluateStreamResponse> = answerTo;
  let opened = 0;

  before(async () => {
    const identity = { service: 'evaluation', instance: 'evaluation-1', region: 'here', version: '0' };
    server = await startServer({
      mesh: {
        identity,
        grpcAddr: { host: '127.0.0.1', port: 0 },
        consulAddr: undefined,
        meshKey: key,
        logLevel: 'silent',
      },
      logger: silentLogger,
      findGrant: () => undefined,
      services: [
        bind(definition, {
          evaluateStream: (call) => {
            opened += 1;
            assert.equal(call.principal.kind, 'mesh');
            return (request) => answer(request);
          },
        }),
      ],
      describe: () => ({ sets: [], counters: {} }),
    });
    client = createClient(definition, { target: `static:///${server.address}`, key });
  });

  after(async () => {
    client.close();
    await server.stop(1_000);
  });

  function talk(signal?: AbortSignal): Talk {
    const ids: number[] = [];
    const ended = Promise.withResolvers<SluiceError | undefined>();
    let wanted = { count: Number.POSITIVE_INFINITY, reached: (): void => undefined };
    const onMessage = ({ id }: EvaluateStreamResponse): void => {
      if (ids.push(id) >= wanted.count) wanted.reached();
    };
    const duplex = client.evaluateStream({ onMessage, onEnd: ended.resolve }, { signal });
    const count = (count: number) =>
      new Promise<void>((reached) => {
        wanted = { count, reached };
        if (ids.length >= count) reached();
      });
    return { duplex, ids, ended: ended.promise, count };
  }

  it('answer every message, and end when both sides have', async () => {
    answer = answerTo;
    opened = 0;
    const { duplex, ids, ended } = talk();
    const total = 20_000;
    for (let id = 1; id <= total; id++) if (!duplex.write(question(id))) await duplex.drained();
    duplex.end();
    assert.equal(await ended, undefined);
    assert.deepEqual([ids.length, ids[0], ids.at(-1), opened], [total, 1, total, 1]);
  });

  it('let later messages overtake one that waits, and end only when that is answered too', async () => {
    const gate = Promise.withResolvers<void>();
    answer = (request) => (request.id === 1 ? gate.promise.then(() => answerTo(request)) : answerTo(request));
    const { duplex, ids, ended, count } = talk();
    for (const id of [1, 2, 3]) duplex.write(question(id));
    duplex.end();
    await count(2);
    assert.deepEqual(ids, [2, 3]);
    gate.resolve();
    assert.equal(await ended, undefined);
    assert.deepEqual(ids, [2, 3, 1]);
  });

  it('keep no more than a bounded number of messages waiting', async () => {
    const gate = Promise.withResolvers<void>();
    const full = Promise.withResolvers<void>();
    let waiting = 0;
    answer = async (request) => {
      waiting += 1;
      if (waiting === inFlightMax) full.resolve();
      await gate.promise;
      return answerTo(request);
    };
    const { duplex, ids, ended } = talk();
    for (let id = 1; id <= inFlightMax * 2; id++) duplex.write(question(id));
    await full.promise;
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(waiting, inFlightMax);
    gate.resolve();
    duplex.end();
    assert.equal(await ended, undefined);
    assert.equal(ids.length, inFlightMax * 2);
  });

  it('end with the error that a handler throws, now or later', async () => {
    for (const fail of [
      () => {
        throw invalid('id', 'is odd');
      },
      () => Promise.reject(unavailable('gone')),
    ]) {
      answer = fail;
      const { duplex, ended } = talk();
      duplex.write(question(1));
      assert.match((await ended)?.kind ?? '', /^(invalid|unavailable)$/);
    }
  });

  it('end on both sides when the caller cancels', async () => {
    answer = answerTo;
    const stop = new AbortController();
    const { duplex, ended, count } = talk(stop.signal);
    duplex.write(question(1));
    await count(1);
    stop.abort();
    assert.equal((await ended)?.kind, 'cancelled');
    assert.equal(duplex.write(question(2)), false);
    await duplex.drained();
  });
});
