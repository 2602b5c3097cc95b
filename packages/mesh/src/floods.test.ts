import assert from 'node:assert/strict';
import type { ServerLimits } from './server-limits.js';
import { callAtRate, type Flooded, p99, withFlooded, within } from './test/flooded.js';
import * as floods from './test/floods.js';

const timeoutMs = 5_000;
const workMs = 0.2;
const mebibyte = 1024 * 1024;

/** Everybody else, while the flood lasts: nobody may fail, nor wait for long, and afterwards memory is free again. */
async function survive(server: Flooded, flood: () => Promise<void>): Promise<void> {
  const client = server.client();
  await client.getThing({ service: '' }, { timeoutMs });
  const heapBefore = await server.heapBytes();
  let isOver = false;
  const calls = callAtRate(
    () => client.getThing({ service: '' }, { timeoutMs }),
    100,
    () => isOver,
  );
  try {
    await flood();
  } finally {
    isOver = true;
  }
  const fared = await calls;
  assert.equal(fared.failed, 0, 'good callers failed');
  assert(fared.answered > 0);
  assert(p99(fared) < 2_000, `good callers waited ${p99(fared).toFixed(0)} ms`);
  const grown = () => server.heapBytes().then((bytes) => bytes - heapBefore);
  assert(await within(10_000, async () => (await grown()) < 8 * mebibyte), `${await grown()} bytes more are held`);
}

interface Flood {
  readonly title: string;
  readonly limits: Partial<ServerLimits>;
  /** The same without the limit that matters: then the flood must get through, or this test shows nothing. */
  readonly off: Partial<ServerLimits>;
  /** @returns whether the flood was stopped; `patience` stretches the time that is waited for that. */
  readonly send: (server: Flooded, patience: number) => Promise<boolean>;
}

/** Others may use the machine: then what is stopped is stopped later. */
const machineIsBusy = 10;

const cases: readonly Flood[] = [
  {
    title: 'half prefaces',
    limits: { prefaceTimeoutMs: 200 },
    off: { prefaceTimeoutMs: 0 },
    send: async ({ port }, patience) => {
      const sockets = await floods.sayAndWait(port, 300, floods.halfPreface);
      const isStopped = await within(patience * 1_000, () => sockets.every((socket) => socket.closed));
      for (const socket of sockets) socket.destroy();
      return isStopped;
    },
  },
  {
    title: 'more half prefaces than it waits for',
    limits: { prefacesMax: 50 },
    off: { prefacesMax: 0 },
    send: async ({ port }, patience) => {
      const sockets = await floods.sayAndWait(port, 300, floods.halfPreface);
      const isStopped = await within(patience * 500, () => sockets.filter((socket) => socket.closed).length >= 250);
      for (const socket of sockets) socket.destroy();
      return isStopped;
    },
  },
  {
    title: 'sockets that say nothing',
    limits: { prefaceTimeoutMs: 200 },
    off: { prefaceTimeoutMs: 0 },
    send: async ({ port }, patience) => {
      const sockets = await floods.sayAndWait(port, 300, Buffer.alloc(0));
      const isStopped = await within(patience * 1_000, () => sockets.every((socket) => socket.closed));
      for (const socket of sockets) socket.destroy();
      return isStopped;
    },
  },
  {
    title: 'connections without end',
    limits: { connectionsPerPeerMax: 50 },
    off: { connectionsPerPeerMax: 0 },
    send: async (server, patience) => {
      const sockets = await floods.sayAndWait(server.port, 300, Buffer.alloc(0));
      const isStopped = await within(patience * 500, () => sockets.filter((socket) => socket.closed).length >= 250);
      assert.equal(isStopped, (await server.metric('sluice_server_connections_refused_total', 'peer')) >= 250);
      for (const socket of sockets) socket.destroy();
      return isStopped;
    },
  },
  {
    title: 'requests that never come (slow-loris)',
    limits: { callTimeoutMs: 300 },
    off: { callTimeoutMs: 0 },
    send: async ({ port }, patience) => {
      const session = floods.openSession(port);
      const unary = Array.from({ length: 150 }, () => floods.openCall(session));
      const watches = Array.from({ length: 150 }, () => floods.openCall(session, { method: 'watchThings' }));
      for (const stream of unary) stream.write(floods.emptyRequest.subarray(0, 2));
      const isStopped = await within(patience * 2_500, () => [...unary, ...watches].every((stream) => stream.closed));
      session.destroy();
      return isStopped;
    },
  },
  {
    title: 'calls taken back at once (rapid reset)',
    limits: { resetsPerSecondMax: 20 },
    off: { resetsPerSecondMax: 0 },
    send: async ({ port, metric }, patience) => {
      const session = floods.openSession(port);
      await floods.resetRapidly(session, 3_000);
      await within(patience * 500, () => session.destroyed);
      session.destroy();
      return (await metric('sluice_server_connections_closed_total', 'resets')) > 0;
    },
  },
  {
    title: 'PINGs',
    limits: {},
    off: { controlFramesPerSecondMax: 0 },
    send: async ({ port }, patience) => {
      const socket = await floods.floodWithPings(port, 20_000);
      const isStopped = await within(patience * 500, () => socket.closed);
      socket.destroy();
      return isStopped;
    },
  },
  {
    title: 'SETTINGS',
    limits: {},
    off: { controlFramesPerSecondMax: 0 },
    send: async ({ port }, patience) => {
      const socket = await floods.floodWithSettings(port, 20_000);
      const isStopped = await within(patience * 500, () => socket.closed);
      socket.destroy();
      return isStopped;
    },
  },
  {
    title: 'callers that never read their answers',
    limits: { callTimeoutMs: 300, callTimeoutMaxMs: 10_000 },
    off: { callTimeoutMs: 0 },
    send: async ({ port }, patience) => {
      const session = floods.openSession(port, { settings: { initialWindowSize: 0 } });
      const streams = Array.from({ length: 200 }, () => floods.openCall(session));
      for (const stream of streams) stream.end(floods.emptyRequest);
      const isStopped = await within(patience * 3_000, () => streams.every((stream) => stream.closed));
      session.destroy();
      return isStopped;
    },
  },
  {
    title: 'streams that nobody reads',
    limits: { streamStallMs: 200 },
    off: { streamStallMs: 0 },
    send: async ({ port }, patience) => {
      const session = floods.openSession(port, { settings: { initialWindowSize: 0 } });
      const streams = Array.from({ length: 100 }, () => floods.openCall(session, { method: 'watchThings' }));
      for (const stream of streams) stream.end(floods.emptyRequest);
      const isStopped = await within(patience * 1_500, () => streams.every((stream) => stream.closed));
      session.destroy();
      return isStopped;
    },
  },
  {
    title: 'headers of 60 KB',
    limits: {},
    off: { headerBytesMax: 0 },
    send: async ({ port }) => {
      const session = floods.openSession(port);
      const bloated = { 'x-bloat': 'x'.repeat(60_000) };
      const statuses = Array.from({ length: 100 }, () => {
        const stream = floods.openCall(session, { headers: bloated });
        stream.end(floods.emptyRequest);
        return floods.statusOfCall(stream);
      });
      const isStopped = (await Promise.all(statuses)).every((status) => status !== 0);
      session.destroy();
      return isStopped;
    },
  },
];

describe('a server survives', function () {
  this.timeout(60_000);

  for (const { title, limits, off, send } of cases) {
    it(title, () =>
      withFlooded({ limits, workMs }, async (server) => {
        await survive(server, async () => assert(await send(server, machineIsBusy), 'the flood was let through'));
      }),
    );

    it(`${title}: and would not without the limit`, () =>
      withFlooded({ limits: { ...limits, ...off }, workMs }, async (server) => {
        assert(!(await send(server, 1)), 'the flood was stopped by something else');
      }));
  }

  it('messages of 8 MB, which it does not read to their end', () =>
    withFlooded({ limits: {}, workMs }, async (server) => {
      const session = floods.openSession(server.port);
      const head = Buffer.from([0, 0, 0x80, 0, 0]);
      await survive(server, async () => {
        for (let round = 0; round < 5; round++) {
          const stream = floods.openCall(session);
          const status = floods.statusOfCall(stream);
          stream.end(Buffer.concat([head, Buffer.alloc(8 * mebibyte)]));
          assert.equal(await status, 8, 'RESOURCE_EXHAUSTED');
        }
      });
      session.destroy();
    }));

  it('callers that speak something else', () =>
    withFlooded({ limits: {}, workMs }, async (server) => {
      await survive(server, async () => {
        const sockets = await floods.sayAndWait(server.port, 50, floods.garbage);
        assert(await within(10_000, () => sockets.every((socket) => socket.closed)));
      });
    }));
});
