import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { connectBus } from '@sluice/bus';
import { eventShards } from '@sluice/ingestion/ledger-store';
import { createClient, SluiceError, silentLogger } from '@sluice/mesh';
import {
  Durability,
  type Event,
  EventBatch,
  HealthCheckResponse_ServingStatus,
  HealthService,
  LogEventsRequest,
  Outcome,
  type StreamEventsResponse,
} from '@sluice/proto';
import { eventually, temporaryFolder } from '@sluice/testkit';
import { eventOf, openRoom, type Room, set, talkTo, timeoutMs } from './ingestion-room.js';

const { ACCEPTED, REJECTED } = Outcome;

describe('ingestion in an outage', function () {
  this.timeout(60_000);
  let room: Room;

  before(async () => {
    room = await openRoom();
  });

  after(() => room?.close());

  const health = async (): Promise<number> => {
    const client = createClient(HealthService, { target: room.target });
    try {
      return (await client.check({ service: '' }, { timeoutMs })).status;
    } finally {
      client.close();
    }
  };

  it('buries what can not be counted and goes on with the rest', async () => {
    const bus = await connectBus({ url: room.mesh.natsUrl, name: 'test', logger: silentLogger });
    const subject = 'events.v1.local.shop.production';
    const send = (messageId: string, data: Uint8Array) => bus.publish(subject, data, { messageId, timeoutMs });
    await eventually(() => assert(bus.isConnected()));
    await send('garbage', Buffer.from('no batch at all'));
    const events = [eventOf({ name: 'beside-poison' }), eventOf({ id: 'poison' }), eventOf({ name: 'beside-poison' })];
    await send('poison', EventBatch.encode({ ...EventBatch.fromPartial({}), set, events }).finish());
    await bus.close();
    await room.server.log([eventOf({ name: 'after-poison' })]);
    await room.counted('after-poison', 1);
    await room.counted('beside-poison', 2);
    const buried = await room.query<{ event_id: string | null; payload: Buffer }>(
      'select event_id, payload from events.dead_letter order by id',
    );
    assert.deepEqual(
      buried.map(({ event_id }) => event_id),
      [null, 'poison'],
    );
    assert.equal(EventBatch.decode(buried[1]?.payload ?? Buffer.alloc(0)).events[0]?.id, 'poison');
  });

  it('goes on accepting without PostgreSQL, and counts when it is back', async () => {
    const postgres = room.mesh.process('postgres');
    await postgres.kill();
    const batches = Array.from({ length: 20 }, () => [eventOf({ name: 'outage' }), eventOf({ name: 'outage' })]);
    for (const events of batches) assert.deepEqual(await room.outcomesOf(events), [ACCEPTED, ACCEPTED]);
    assert.equal(await health(), HealthCheckResponse_ServingStatus.SERVING);
    await assert.rejects(room.countOf('outage'), { kind: 'unavailable' });
    await postgres.start();
    await room.counted('outage', 40);
  });

  it('stops in time with PostgreSQL away, and gives what it had in hand back to the log', async () => {
    const [postgres, ingestion] = [room.mesh.process('postgres'), room.mesh.process('ingestion-1')];
    await postgres.kill();
    assert.deepEqual(await room.outcomesOf([eventOf({ name: 'in-hand' })]), [ACCEPTED]);
    assert.equal(await ingestion.stop(5_000), true, ingestion.log);
    await postgres.start();
    await ingestion.start();
    await room.counted('in-hand', 1);
  });

  it('keeps events under keys that nobody can check, and counts them once config knows the key', async () => {
    const [config, nats] = [room.mesh.process('config-1'), room.mesh.process('nats')];
    // A key that config has, and could tell nobody about.
    await nats.kill();
    const secret = await room.makeKey();
    await config.kill();
    await nats.start();
    const late = talkTo(room.target, secret);
    const stranger = talkTo(room.target, 'sluice_server_that_nobody_ever_made');
    try {
      for (const [talk, name] of [
        [late, 'unverified'],
        [stranger, 'invented'],
      ] as const) {
        const { outcomes, durability } = await talk.log([eventOf({ name }), eventOf({ name }), eventOf({ name: '' })]);
        assert.deepEqual(
          outcomes.map(({ outcome }) => outcome),
          [ACCEPTED, ACCEPTED, REJECTED],
        );
        assert.match(outcomes[0]?.reason ?? '', /config is away/);
        assert.equal(durability, Durability.SPOOLED);
      }
      await assert.rejects(late.ledger.getEvents({ set, name: 'unverified' }, { timeoutMs }), { kind: 'forbidden' });
      // Also what the disk of a process that was killed holds.
      const ingestion = room.mesh.process('ingestion-1');
      await ingestion.kill();
      await ingestion.start();
      assert.equal((await room.counters()).unverified_pending, 4);
      await room.counted('unverified', 0);
      await config.start();
      await room.counted('unverified', 2);
      await eventually(async () => {
        const { unverified_pending: pending, events_unverified_refused: refused } = await room.counters();
        assert.deepEqual([pending, refused], [0, 2]);
      });
      assert.equal(await room.countOf('invented'), 0);
      await assert.rejects(stranger.log([eventOf()]), { kind: 'unauthenticated' });
    } finally {
      late.close();
      stranger.close();
    }
  });

  it('keeps events on its own disk without NATS, says so, and counts them when it is back', async () => {
    const nats = room.mesh.process('nats');
    await nats.kill();
    // Ingestion was started again a moment ago: the client may still be waiting for its next look.
    const event = eventOf({ name: 'no-log' });
    const { outcomes, durability } = await eventually(() => room.server.log([event]));
    assert.deepEqual([outcomes[0]?.outcome, durability], [ACCEPTED, Durability.SPOOLED]);
    await nats.start();
    await room.counted('no-log', 1);
  });

  it('loses nothing that it accepted, and counts nothing twice, when it is killed again and again', async () => {
    const ingestion = room.mesh.process('ingestion-1');
    const accepted = new Set<string>();
    let isOver = false;
    // The same events until they are answered for, as a client does.
    const send = async (events: Event[]): Promise<void> => {
      const answer = await room.server
        .log(events)
        .catch((error: unknown) => assert(error instanceof SluiceError, String(error)));
      if (!answer) return isOver ? undefined : send(events);
      for (const [at, { outcome }] of answer.outcomes.entries()) {
        if (outcome !== REJECTED) accepted.add(events[at]?.id ?? '');
      }
    };
    const sender = async (): Promise<void> => {
      while (!isOver) await send(Array.from({ length: 20 }, () => eventOf({ name: 'killed' })));
    };
    const senders = [sender(), sender(), sender(), sender()];
    for (let round = 1; round <= 3; round++) {
      const goal = accepted.size + 400;
      await eventually(() => assert(accepted.size >= goal), { deadlineMs: 20_000 });
      await ingestion.kill();
      await ingestion.start();
    }
    isOver = true;
    await Promise.all(senders);
    const stored = await eventually(
      async () => {
        const rows = await room.query<{ id: string }>(
          `select event_id::text as id from events.event where project = 'shop' and name = 'killed'`,
        );
        const ids = new Set(rows.map(({ id }) => id));
        assert.equal(ids.size, rows.length, 'an event was counted twice');
        assert.deepEqual(
          [...accepted].filter((id) => !ids.has(id)),
          [],
        );
        return rows;
      },
      { deadlineMs: 30_000, intervalMs: 200 },
    );
    assert(stored.length >= accepted.size);
  });

  it('counts what the log forgot to remove once, and has it removed', async () => {
    const { mesh } = room;
    const [postgres, nats] = [mesh.process('postgres'), mesh.process('nats')];
    const messages = (): string[] =>
      globSync('jetstream/*/streams/EVENTS*/msgs', { cwd: join(mesh.servers.folders.data, 'nats') }).map((path) =>
        join(mesh.servers.folders.data, 'nats', path),
      );
    const kept = await temporaryFolder();
    const bus = await connectBus({ url: mesh.natsUrl, name: 'test', logger: silentLogger });
    const held = async (): Promise<number> => {
      const states = await Promise.all(eventShards.map(({ stream }) => bus.streamState(stream)));
      return states.reduce((sum, state) => sum + state.messages, 0);
    };
    try {
      await postgres.kill();
      for (const event of Array.from({ length: 6 }, () => eventOf({ name: 'kept-too-long' }))) {
        await eventually(() => room.server.log([event]));
      }
      await eventually(async () => assert.equal(await held(), 6));
      await nats.stop();
      for (const [at, folder] of messages().entries())
        await cp(folder, join(kept.path, String(at)), { recursive: true });
      await nats.start();
      await postgres.start();
      await room.counted('kept-too-long', 6);
      await eventually(async () => assert.equal(await held(), 0));
      // What was removed is there again, and the consumer has settled it.
      await nats.stop();
      for (const [at, folder] of messages().entries()) {
        await rm(folder, { recursive: true });
        await cp(join(kept.path, String(at)), folder, { recursive: true });
      }
      await nats.start();
      await eventually(async () => assert.equal(await held(), 0), { deadlineMs: 50_000 });
      assert.equal(await room.countOf('kept-too-long'), 6);
    } finally {
      await bus.close();
      await kept.remove();
    }
  }).timeout(120_000);

  it('starts without config, PostgreSQL and Consul, and knows its keys', async () => {
    const names = ['config-1', 'postgres', 'consul'];
    for (const name of names) await room.mesh.process(name).kill();
    await room.mesh.process('ingestion-1').kill();
    await room.mesh.process('ingestion-1').start();
    const alone = [eventOf({ name: 'alone' })];
    // Our own client needs a moment to notice that ingestion is back.
    assert.deepEqual(await eventually(() => room.outcomesOf(alone)), [ACCEPTED]);
    for (const name of names.reverse()) await room.mesh.process(name).start();
    await room.counted('alone', 1);
  });
});

describe('a full log', function () {
  this.timeout(60_000);

  it('refuses events rather than dropping any, and takes them once there is room', async () => {
    const room = await openRoom({ EVENTS_MAX_BYTES: String(1024 * 1024) });
    try {
      await room.mesh.process('postgres').kill();
      const metadataJson = JSON.stringify({ a: 'x'.repeat(16_000) });
      const batchOf = () => Array.from({ length: 20 }, () => eventOf({ name: 'full', metadataJson }));
      let accepted = 0;
      let refused = batchOf();
      const error = await eventually(async () => {
        refused = batchOf();
        const failure = await room.outcomesOf(refused).catch((reason: unknown) => reason);
        if (Array.isArray(failure)) accepted += failure.length;
        return failure instanceof SluiceError && failure;
      });
      assert(error instanceof SluiceError);
      assert.equal(error.kind, 'exhausted');
      assert(error.retryAfterMs !== undefined && error.retryAfterMs > 0);
      // A stream outlives the refusal of a batch.
      const answers: StreamEventsResponse[] = [];
      const stream = room.server.ingestion.streamEvents({
        onMessage: (answer) => answers.push(answer),
        onEnd: () => undefined,
      });
      const sendAgain = (batchNumber: number) =>
        stream.write({
          batchNumber,
          batch: { ...LogEventsRequest.fromPartial({}), set, events: refused, sentAtMs: Date.now() },
        });
      sendAgain(1);
      const refusal = await eventually(() => answers.find(({ batchNumber }) => batchNumber === 1) ?? false);
      assert(refusal && refusal.result === undefined && refusal.retryAfterMs > 0 && refusal.reason !== '');
      await room.mesh.process('postgres').start();
      await eventually(() => room.outcomesOf(refused), { deadlineMs: 20_000 });
      sendAgain(2);
      const answer = await eventually(() => answers.find(({ batchNumber }) => batchNumber === 2) ?? false);
      assert(answer);
      assert.deepEqual(new Set(answer.result?.outcomes.map(({ outcome }) => outcome)), new Set([Outcome.DUPLICATE]));
      stream.end();
      await room.counted('full', accepted + refused.length);
    } finally {
      await room.close();
    }
  });
});
