import assert from 'node:assert/strict';
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { HealthService, HealthCheckResponse_ServingStatus as Status } from '@sluice/proto';
import { type Client, createClient } from './client.js';
import { HealthState } from './health-service.js';

const timeoutMs = 5_000;

/** Gives `use` a health state behind a real server. */
async function withHealth(
  use: (health: HealthState, client: Client<typeof HealthService>) => Promise<void>,
): Promise<void> {
  const health = new HealthState(['sluice.config.v1.ConfigService']);
  const server = new Server();
  server.addService(HealthService, health.implementation());
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, bound) =>
      error ? reject(error) : resolve(bound),
    );
  });
  const client = createClient(HealthService, { target: `static:///127.0.0.1:${port}` });
  try {
    await use(health, client);
  } finally {
    client.close();
    server.forceShutdown();
  }
}

async function next(stream: AsyncIterator<{ status: Status }>): Promise<Status | undefined> {
  const { value, done } = await stream.next();
  return done ? undefined : value.status;
}

describe('grpc.health.v1', () => {
  it('answers for the process and for each service by name', () =>
    withHealth(async (health, client) => {
      for (const isServing of [false, true, false]) {
        health.set(isServing);
        assert.equal(health.isServing, isServing);
        for (const service of ['', 'sluice.config.v1.ConfigService']) {
          const { status } = await client.check({ service }, { timeoutMs });
          assert.equal(status, isServing ? Status.SERVING : Status.NOT_SERVING);
        }
      }
    }));

  it('names the service that it does not know', () =>
    withHealth(async (_health, client) => {
      await assert.rejects(client.check({ service: 'sluice.Nobody' }, { timeoutMs }), {
        kind: 'not_found',
        message: /sluice\.Nobody/,
      });
    }));

  it('tells watchers the state at once, each change once, and ends when it closes', () =>
    withHealth(async (health, client) => {
      const watch = client.watch({ service: 'sluice.config.v1.ConfigService' })[Symbol.asyncIterator]();
      assert.equal(await next(watch), Status.NOT_SERVING);
      health.set(true);
      health.set(true);
      assert.equal(await next(watch), Status.SERVING);
      health.set(false);
      assert.equal(await next(watch), Status.NOT_SERVING);
      health.close();
      assert.equal(await next(watch), undefined);
    }));

  it('keeps the watch of an unknown service open, and says so once', () =>
    withHealth(async (health, client) => {
      const stop = new AbortController();
      const watch = client.watch({ service: 'sluice.Nobody' }, { signal: stop.signal })[Symbol.asyncIterator]();
      assert.equal(await next(watch), Status.SERVICE_UNKNOWN);
      const another = client.watch({ service: '' })[Symbol.asyncIterator]();
      assert.equal(await next(another), Status.NOT_SERVING);
      const isEnded = assert.rejects(next(watch), { kind: 'cancelled' });
      health.set(true);
      assert.equal(await next(another), Status.SERVING);
      stop.abort();
      await isEnded;
      await another.return?.();
    }));
});
