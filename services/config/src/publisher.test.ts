import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import type { PublishOptions, StreamOptions } from '@sluice/bus';
import { noMetrics, silentLogger } from '@sluice/mesh';
import { Frame } from '@sluice/proto';
import { framesKept } from './outbox.js';
import { Publisher } from './publisher.js';
import { gateOf, planOf } from './test/heads.js';
import { commit, emptySet, ModelDatabase, type ModelSet, shop } from './test/model-database.js';

/** A bus that keeps what it takes, and can be full, away or made anew. */
class ModelBus {
  readonly taken: { readonly subject: string; readonly frame: Frame; readonly options: PublishOptions }[] = [];
  readonly streams: StreamOptions[] = [];
  refuses = 0;
  isUp = true;
  #onConnected = (): void => undefined;

  isConnected = (): boolean => this.isUp;

  onConnected(listener: () => void) {
    this.#onConnected = listener;
    return () => undefined;
  }

  async ensureStream(options: StreamOptions): Promise<void> {
    this.streams.push(options);
  }

  async publish(subject: string, data: Uint8Array, options: PublishOptions) {
    // The first passes, so that a batch breaks in the middle.
    if (this.refuses > 0 && this.taken.length % 2 === 1) {
      this.refuses--;
      throw new Error('the bus is full');
    }
    this.taken.push({ subject, frame: Frame.decode(data), options });
    return { sequence: this.taken.length, isDuplicate: false };
  }

  reconnect(): void {
    this.isUp = true;
    this.#onConnected();
  }
}

function queue(db: ModelDatabase, model: ModelSet, salt: string, lineage = 'l'): void {
  const frame = { ...commit(model, planOf([gateOf('a', [], { salt })]), 1_000), lineage };
  const bytes = Buffer.from(Frame.encode(frame).finish());
  const position = BigInt(db.outbox.length + model.head.revision * 1_000);
  db.outbox.push({ ...shop, position, revision: BigInt(frame.revision), frame: bytes, traceparent: null });
}

async function drained(db: ModelDatabase): Promise<void> {
  const until = Date.now() + 10_000;
  while (db.outbox.length > 0) {
    if (Date.now() > until) throw new Error('not within 10 s');
    await delay(5);
  }
}

async function withPublisher(run: (db: ModelDatabase, bus: ModelBus) => Promise<void>, queued = 3): Promise<void> {
  const db = new ModelDatabase();
  const bus = new ModelBus();
  const model = emptySet();
  for (let at = 1; at <= queued; at++) queue(db, model, `${at}`);
  const release = await new Publisher(db, bus, silentLogger, noMetrics).start();
  try {
    await run(db, bus);
  } finally {
    await release();
  }
}

describe('the publisher', () => {
  it('sends each frame once and in order, over a bus that refuses some', () =>
    withPublisher(async (db, bus) => {
      bus.refuses = 2;
      bus.reconnect();
      await drained(db);
      assert.deepEqual(
        bus.taken.map(({ subject, frame }) => [subject, frame.revision]),
        [1, 2, 3, 4, 5].map((revision) => ['ruleset.v1.shop.test', revision]),
      );
    }, 5));

  it('forgets old frames of the sets that it sent, and of no other', () =>
    withPublisher(async (db, bus) => {
      bus.reconnect();
      await drained(db);
      assert.deepEqual(db.pruned.at(-1), [['shop'], ['test'], ['3'], framesKept]);
    }));

  it('makes the stream anew for a server that may have lost it, with a limit', () =>
    withPublisher(async (db, bus) => {
      bus.reconnect();
      await drained(db);
      const made = bus.streams.length;
      bus.reconnect();
      while (bus.streams.length === made) await delay(5);
      assert((bus.streams[0]?.maxBytes ?? 0) > 0);
    }));

  it('gives the same revision of another history another id, so that the bus takes it for no repeat', async () => {
    const db = new ModelDatabase();
    const bus = new ModelBus();
    queue(db, emptySet(), 'one');
    queue(db, emptySet(), 'other');
    const release = await new Publisher(db, bus, silentLogger, noMetrics).start();
    bus.reconnect();
    await drained(db);
    await release();
    const [one, other] = bus.taken.map(({ options }) => options.messageId);
    assert.match(one ?? '', /^shop\/test\/l\/1\/[0-9a-f]{16}$/);
    assert.notEqual(one, other);
  });

  it('sends what is too large without its entities', () =>
    withPublisher(async (db, bus) => {
      await drained(db);
      queue(db, emptySet(), 'x'.repeat(600_000));
      bus.reconnect();
      await drained(db);
      const { frame } = bus.taken.at(-1) ?? {};
      assert.deepEqual([frame?.isElided, frame?.upserts], [true, []]);
    }, 0));
});
