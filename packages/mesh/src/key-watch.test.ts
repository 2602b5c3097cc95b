import assert from 'node:assert/strict';
import { once } from 'node:events';
import { KeyClass } from '@sluice/proto';
import { createAuthenticate, digestOf } from './auth.js';
import { createClient } from './client.js';
import { SluiceError, unavailable } from './errors.js';
import { watchKey } from './key-watch.js';
import { silentLogger } from './logger.js';
import { startServer } from './server.js';
import { answer, bindScripted, scripted } from './test/scripted-server.js';

const grant = { keyClass: KeyClass.SERVER, project: 'shop', environment: 'production', canWrite: false, label: 'test' };

describe('the key of an open stream', () => {
  it('ends the stream when it is revoked, and the caller learns why', async () => {
    let isRevoked = false;
    const server = await startServer({
      mesh: {
        identity: { service: 'scripted', instance: 'scripted-1', region: 'here', version: '0.0.0' },
        grpcAddr: { host: '127.0.0.1', port: 0 },
        consulAddr: undefined,
        meshKey: 'mesh-secret',
        logLevel: 'silent',
      },
      logger: silentLogger,
      findGrant: (digest) => (digest === digestOf('a-key') && !isRevoked ? grant : undefined),
      services: [
        bindScripted({
          async *watchThings(_request, call) {
            yield answer;
            if (!call.signal.aborted) await once(call.signal, 'abort');
          },
        }),
      ],
      describe: () => ({ sets: [], counters: {} }),
    });
    await server.setReady();
    const client = createClient(scripted, { target: `static:///${server.address}`, key: 'a-key' });
    try {
      await assert.rejects(
        async () => {
          for await (const _ of client.watchThings({ service: '' }, {})) isRevoked = true;
        },
        (error) => error instanceof SluiceError && error.kind === 'unauthenticated' && /revoked/.test(error.message),
      );
    } finally {
      client.close();
      await server.stop(500);
    }
  }).timeout(10_000);

  it('is not given up because nobody can tell at the moment', async () => {
    const looks: (() => void)[] = [];
    let looked = 0;
    const authenticate = createAuthenticate('mesh-secret', () => {
      looked += 1;
      looks.shift()?.();
      return Promise.reject(unavailable('away'));
    });
    const watch = watchKey(authenticate, 'Bearer a-key');
    await new Promise<void>((resolve) => looks.push(resolve));
    watch.stop();
    assert(looked > 0);
    assert.equal(watch.revoked.aborted, false);
  }).timeout(10_000);
});
