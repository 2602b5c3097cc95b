import assert from 'node:assert/strict';
import { HealthCheckResponse_ServingStatus, HealthService, InstanceServiceService, KeyClass } from '@sluice/proto';
import { digestOf } from './auth.js';
import { bind } from './bind.js';
import { createClient } from './client.js';
import { exhausted, invalid, SluiceError } from './errors.js';
import { silentLogger } from './logger.js';
import type { MeshConfig } from './mesh-config.js';
import { type MeshServer, startServer } from './server.js';

const mesh: MeshConfig = {
  identity: {
    service: 'evaluation',
    instance: 'evaluation-1',
    region: 'here',
    version: '0.0.0',
  },
  grpcAddr: { host: '127.0.0.1', port: 0 },
  consulAddr: undefined,
  meshKey: 'mesh-secret',
  logLevel: 'silent',
};

const timeoutMs = 5_000;

describe('the server builder', () => {
  let server: MeshServer;
  let isReady = true;

  before(async () => {
    server = await startServer({
      mesh,
      logger: silentLogger,
      findGrant: (digest) => {
        const scope = { project: 'shop', environment: 'production', canWrite: false, label: 'test' };
        if (digest === digestOf('a-key')) return { keyClass: KeyClass.SERVER, ...scope };
        return digest === digestOf('a-device') ? { keyClass: KeyClass.CLIENT, ...scope } : undefined;
      },
      services: [],
      describe: () => ({ sets: [], counters: { answered: 1 } }),
      isReady: () => isReady,
    });
    await server.setReady();
  });

  after(() => server.stop(1_000));

  const instanceClient = (key: string | undefined) =>
    createClient(InstanceServiceService, {
      target: `static:///${server.address}`,
      key,
    });

  it('lets every instance say what it is, and the counters of all to the mesh alone', async () => {
    for (const [key, counters] of [
      ['a-key', {}],
      [mesh.meshKey, { answered: 1 }],
    ] as const) {
      const client = instanceClient(key);
      const self = await client.getInstance({}, { timeoutMs });
      assert.equal(self.instance, 'evaluation-1');
      assert.deepEqual(self.counters, counters);
      client.close();
    }
  });

  it('does not tell devices what it is', async () => {
    const client = instanceClient('a-device');
    await assert.rejects(client.getInstance({}, { timeoutMs }), { kind: 'forbidden' });
    client.close();
  });

  it('refuses calls without a key, and says what to send', async () => {
    const client = instanceClient(undefined);
    await assert.rejects(client.getInstance({}, { timeoutMs }), (error) => {
      assert(error instanceof SluiceError);
      assert.equal(error.kind, 'unauthenticated');
      assert.match(error.message, /authorization: Bearer/);
      return true;
    });
    client.close();
  });

  it('tells its health without a key, and follows isReady', async () => {
    const client = createClient(HealthService, {
      target: `static:///${server.address}`,
    });
    const { SERVING, NOT_SERVING } = HealthCheckResponse_ServingStatus;
    const stop = new AbortController();
    const seen: number[] = [];
    const watching = (async () => {
      for await (const { status } of client.watch({ service: '' }, { signal: stop.signal })) {
        seen.push(status);
        isReady = false;
        if (seen.length === 2) break;
      }
    })();
    await watching;
    isReady = true;
    assert.deepEqual(seen, [SERVING, NOT_SERVING]);
    await assert.rejects(client.check({ service: 'nobody' }, { timeoutMs }), {
      kind: 'not_found',
    });
    client.close();
  });
});

describe('errors across the wire', () => {
  const failures: Record<string, () => Error> = {
    field: () => invalid('user.custom_ids', 'must be text'),
    limit: () => exhausted('The spool is full.', 1_500),
    bug: () => new Error('secret cause'),
  };
  let server: MeshServer;
  let failure = '';

  before(async () => {
    const definition = {
      getInstance: {
        ...InstanceServiceService.getInstance,
        path: '/test.Failing/GetInstance' as const,
      },
    };
    server = await startServer({
      mesh,
      logger: silentLogger,
      findGrant: () => undefined,
      services: [
        bind(definition, {
          getInstance: () => {
            throw failures[failure]?.() ?? new Error('unknown');
          },
        }),
      ],
      describe: () => ({ sets: [], counters: {} }),
    });
  });

  after(() => server.stop(1_000));

  const fail = async (name: string): Promise<SluiceError> => {
    failure = name;
    const client = createClient(
      {
        create: {
          ...InstanceServiceService.getInstance,
          path: '/test.Failing/GetInstance' as const,
        },
      },
      { target: `static:///${server.address}`, key: mesh.meshKey },
    );
    try {
      await client.create({}, { timeoutMs });
    } catch (error) {
      assert(error instanceof SluiceError);
      return error;
    } finally {
      client.close();
    }
    throw new Error('the call did not fail');
  };

  it('carry the field', async () => {
    const error = await fail('field');
    assert.equal(error.kind, 'invalid');
    assert.deepEqual(error.problems, [{ field: 'user.custom_ids', message: 'must be text' }]);
  });

  it('carry when to try again', async () => {
    const error = await fail('limit');
    assert.equal(error.kind, 'exhausted');
    assert.equal(error.retryAfterMs, 1_500);
  });

  it('never carry the cause of a bug', async () => {
    const error = await fail('bug');
    assert.equal(error.kind, 'internal');
    assert.doesNotMatch(error.message, /secret/);
  });
});
