import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { HealthCheckResponse_ServingStatus, HealthService } from '@sluice/proto';
import type { Call } from './call.js';
import { createClient } from './client.js';
import type { SluiceError } from './errors.js';
import type { ServerLimits } from './server-limits.js';
import { withFlooded, within } from './test/flooded.js';
import { emptyRequest, openCall, openSession, statusOfCall } from './test/floods.js';
import { answer, meshKey, scripted, startScripted, withScripted } from './test/scripted-server.js';

const request = { service: '' };
const timeoutMs = 5_000;

describe('calls that wait for something else than load', () => {
  const limits: Partial<ServerLimits> = { inFlightMax: 2, inFlightMin: 2, queueTimeoutMs: 50 };

  /** Five calls that wait for a change, then one that does not. @returns what became of the last one. */
  async function sixthOf(beforeWaiting: (call: Call) => void, sixthTimeoutMs = timeoutMs): Promise<unknown> {
    const change = Promise.withResolvers<typeof answer>();
    let result: unknown;
    let waiting = 0;
    const getThing = (_: unknown, call: Call) => {
      waiting++;
      beforeWaiting(call);
      return change.promise;
    };
    await withScripted(
      { getThing },
      async ({ address }) => {
        const client = createClient(scripted, { target: `static:///${address}`, key: meshKey });
        const calls = Promise.allSettled([1, 2, 3, 4, 5].map(() => client.getThing(request, { timeoutMs })));
        while (waiting < 2) await new Promise((resolve) => setTimeout(resolve, 5));
        result = await client
          .createThing(request, { timeoutMs: sixthTimeoutMs })
          .catch((error: SluiceError) => error.kind);
        change.resolve(answer);
        await calls;
        client.close();
      },
      limits,
    );
    return result;
  }

  it('let others pass, once they have said so', async () => {
    assert.deepEqual(await sixthOf((call) => call.park()), answer);
  });

  it('would hold others up otherwise', async () => {
    assert.equal(await sixthOf(() => undefined, 500), 'deadline');
  });
});

describe('calls without a deadline', () => {
  it('get one', async () => {
    await withFlooded({ limits: { callTimeoutMs: 200 }, workMs: 0 }, async ({ port }) => {
      const session = openSession(port);
      const started = performance.now();
      const stream = openCall(session);
      assert.equal(await statusOfCall(stream), 4, 'DEADLINE_EXCEEDED');
      assert(performance.now() - started >= 190);
      session.destroy();
    });
  });
});

describe('health and change streams', () => {
  it('are answered while everything else is turned away', async () => {
    await withFlooded(
      { limits: { inFlightMax: 1, inFlightMin: 1, queueMax: 0 }, workMs: 100 },
      async ({ port, metric }) => {
        const session = openSession(port);
        for (let sent = 0; sent < 10; sent++) openCall(session).end(emptyRequest);
        const health = createClient(HealthService, { target: `static:///127.0.0.1:${port}` });
        const { status } = await health.check(request, { timeoutMs });
        assert.equal(status, HealthCheckResponse_ServingStatus.SERVING);
        const watch = openCall(session, { method: 'watchThings' });
        watch.end(emptyRequest);
        assert.equal(await statusOfCall(watch), 0);
        assert((await metric('sluice_server_calls_shed_total', 'queue_full')) >= 8);
        health.close();
        session.destroy();
      },
    );
  });
});

describe('calls that wait for their turn', () => {
  it('harm nobody when their connection is cut off', async () => {
    await withFlooded({ limits: { inFlightMax: 1, inFlightMin: 1 }, workMs: 50 }, async ({ port, client, metric }) => {
      const far = connect(port, '127.0.0.1');
      const relay = createServer((near) => void near.pipe(far).pipe(near)).listen(0, '127.0.0.1');
      await once(relay, 'listening');
      const session = openSession((relay.address() as AddressInfo).port);
      try {
        for (let sent = 0; sent < 20; sent++) openCall(session, { timeout: '10S' }).end(emptyRequest);
        assert(await within(timeoutMs, async () => (await metric('sluice_server_calls_waiting')) > 0));
        far.resetAndDestroy();
        assert(await within(timeoutMs, async () => (await metric('sluice_server_calls_waiting')) === 0));
      } finally {
        session.destroy();
        relay.close();
      }
      await client().createThing(request, { timeoutMs });
    });
  });
});

describe('a key with a rate', () => {
  it('is told when to come back, and others are not held to it', async () => {
    await withFlooded({ limits: { callsPerSecondPerKeyMax: 5 }, workMs: 0 }, async ({ client, metric }) => {
      const greedy = client('greedy');
      const failures: SluiceError[] = [];
      const calls = Array.from({ length: 12 }, () => greedy.createThing(request, { timeoutMs }));
      await Promise.all(calls.map((call) => call.catch((error: SluiceError) => failures.push(error))));
      const [failure] = failures;
      assert.equal(failure?.kind, 'exhausted');
      assert((failure.retryAfterMs ?? 0) > 0);
      assert.equal(await metric('sluice_server_calls_shed_total', 'key_rate'), failures.length);
      for (let sent = 0; sent < 50; sent++) await client().createThing(request, { timeoutMs });
      await client('modest').createThing(request, { timeoutMs });
    });
  });
});

describe('a server that stops', () => {
  it('says that it does not serve, and still answers until its callers have moved on', async () => {
    const server = await startScripted({}, 0, { drainGraceMs: 1_500 });
    const target = `static:///${server.address}`;
    const health = createClient(HealthService, { target });
    const client = createClient(scripted, { target, key: meshKey });
    await client.getThing(request, { timeoutMs });
    let stopped: Promise<void> | undefined;
    for await (const { status } of health.watch(request)) {
      if (status === HealthCheckResponse_ServingStatus.SERVING) stopped = server.stop(5_000);
      else break;
    }
    assert.deepEqual(await client.getThing(request, { timeoutMs }), answer);
    await stopped;
    await assert.rejects(client.getThing(request, { timeoutMs: 300 }));
    health.close();
    client.close();
  });
});
