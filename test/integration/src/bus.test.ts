import assert from 'node:assert/strict';
import { type Bus, type BusMessage, connectBus, type WorkMessage } from '@sluice/bus';
import { silentLogger } from '@sluice/mesh';
import { eventually, withNats } from '@sluice/testkit';
import { connect } from 'nats';

const text = (message: BusMessage): string => Buffer.from(message.data).toString();
const bytes = (value: string): Uint8Array => Buffer.from(value);
const stream = { name: 'THINGS', subjects: ['things.>'], discard: 'old', maxMsgsPerSubject: 8 } as const;

async function withBus<T>(url: string, use: (bus: Bus) => Promise<T>): Promise<T> {
  const bus = await connectBus({ url, name: 'test', logger: silentLogger });
  try {
    return await use(bus);
  } finally {
    await bus.close();
  }
}

const publish = (bus: Bus, subject: string, value: string) =>
  bus.publish(subject, bytes(value), { messageId: `${subject}/${value}`, timeoutMs: 5_000 });

/** A stream of its own subjects that is fed from another one, on the same subjects. */
async function mirrorInto(url: string, name: string, source: string): Promise<void> {
  const connection = await connect({ servers: url });
  try {
    const transforms = [{ src: 'origin.>', dest: 'things.>' }];
    const manager = await connection.jetstreamManager();
    await manager.streams.add({ name, sources: [{ name: source, subject_transforms: transforms }] });
  } finally {
    await connection.close();
  }
}

describe('the bus', () => {
  it('is there before NATS is, and says so', async () => {
    await withBus('nats://127.0.0.1:1', async (bus) => {
      assert.equal(bus.isConnected(), false);
      await assert.rejects(publish(bus, 'things.a', '1'), { kind: 'unavailable' });
    });
  });

  it('keeps one message of an id, and says which was the second', async () => {
    await withNats((url) =>
      withBus(url, async (bus) => {
        await eventually(() => assert(bus.isConnected()));
        await bus.ensureStream(stream);
        await bus.ensureStream(stream);
        assert.equal((await publish(bus, 'things.a', '1')).isDuplicate, false);
        assert.equal((await publish(bus, 'things.a', '1')).isDuplicate, true);
        assert.equal((await bus.streamState('THINGS')).messages, 1);
      }),
    );
  });

  it('follows from the last of each subject, and goes on after the server was killed', async () => {
    await withNats((url, nats) =>
      withBus(url, async (bus) => {
        await eventually(() => assert(bus.isConnected()));
        await bus.ensureStream(stream);
        for (const value of ['1', '2']) await publish(bus, 'things.a', value);
        await publish(bus, 'things.b', '1');
        const seen: string[] = [];
        let resets = 0;
        const release = bus.follow(
          { stream: 'THINGS', subjects: 'things.>', deliver: 'last_per_subject' },
          (message) => void seen.push(`${message.subject}=${text(message)}`),
          () => void resets++,
        );
        await eventually(() => assert.deepEqual(seen, ['things.a=2', 'things.b=1']));
        await nats.kill();
        await nats.start();
        await eventually(() => publish(bus, 'things.a', '3'), { deadlineMs: 15_000 });
        await eventually(() => assert.equal(seen.at(-1), 'things.a=3'), { deadlineMs: 15_000 });
        assert(resets >= 2);
        await release();
      }),
    );
  }).timeout(60_000);

  it('listens once the log is read, misses nothing in between, and starts over after the server was killed', async () => {
    await withNats((url, nats) =>
      withBus(url, async (bus) => {
        await eventually(() => assert(bus.isConnected()));
        await bus.ensureStream(stream);
        await publish(bus, 'things.a', '0');
        const seen = new Set<string>();
        const times: number[] = [];
        let isOver = false;
        const writing = (async () => {
          for (let i = 1; !isOver; i++) await publish(bus, `things.${i % 5}`, String(i));
        })();
        const release = bus.follow(
          { stream: 'THINGS', subjects: 'things.>', deliver: 'last_per_subject', isLive: true },
          (message) => {
            seen.add(text(message));
            times.push(message.publishedAtMs ?? Number.NaN);
          },
          () => undefined,
        );
        await eventually(() => assert(seen.size > 500));
        isOver = true;
        await writing;
        const numbers = [...seen].map(Number).filter((number) => number > 0);
        const [first, last] = [Math.min(...numbers), Math.max(...numbers)];
        // From the first one on that was not in the log any more, each of them.
        const missing = Array.from({ length: last - first - 5 }, (_, i) => first + 5 + i).filter(
          (i) => !seen.has(`${i}`),
        );
        assert.deepEqual(missing, []);
        assert(times.every((ms) => Math.abs(ms - Date.now()) < 60_000));
        await nats.kill();
        await nats.start();
        await eventually(() => publish(bus, 'things.a', 'after'), { deadlineMs: 15_000 });
        await eventually(() => assert(seen.has('after')), { deadlineMs: 15_000 });
        await release();
      }),
    );
  }).timeout(60_000);

  it('reads the log again when it has more than was heard', async () => {
    await withNats((url) =>
      withBus(url, async (bus) => {
        await eventually(() => assert(bus.isConnected()));
        await bus.ensureStream(stream);
        // Copied into the stream by the server itself: whoever listens on its subjects does not hear of it.
        await bus.ensureStream({ ...stream, name: 'ORIGIN', subjects: ['origin.>'] });
        await mirrorInto(url, 'COPY', 'ORIGIN');
        const seen: string[] = [];
        const release = bus.follow(
          { stream: 'COPY', subjects: 'things.>', deliver: 'last_per_subject', isLive: true },
          (message) => void seen.push(text(message)),
          () => undefined,
        );
        await publish(bus, 'things.a', 'heard');
        await eventually(() => assert.deepEqual(seen, ['heard']));
        // More than the one that was heard, which is not in the copy.
        for (const value of ['1', '2']) await publish(bus, `origin.${value}`, value);
        assert.deepEqual(seen, ['heard']);
        await eventually(() => assert.deepEqual(seen.slice(1), ['1', '2']), { deadlineMs: 15_000 });
        await release();
      }),
    );
  }).timeout(30_000);

  it('works a stream off: acknowledged once, given back until then, and never after a rejection', async () => {
    await withNats((url) =>
      withBus(url, async (bus) => {
        await eventually(() => assert(bus.isConnected()));
        await bus.ensureStream(stream);
        for (const value of ['good', 'poison', 'later']) await publish(bus, 'things.w', value);
        const seen: string[] = [];
        const settle = async (message: WorkMessage): Promise<void> => {
          seen.push(text(message));
          if (text(message) === 'poison') message.reject('unreadable');
          else if (text(message) === 'later' && message.deliveries === 1) message.retryLater(10);
          else await message.ack();
        };
        const release = bus.work(
          { stream: 'THINGS', durable: 'writer', batchMax: 10, lingerMs: 5, ackWaitMs: 5_000 },
          async (batch) => {
            for (const message of batch) await settle(message);
          },
        );
        await eventually(() => assert.deepEqual(seen.toSorted(), ['good', 'later', 'later', 'poison']));
        await release();
      }),
    );
  });

  it('takes over a consumer that an earlier version left with other limits', async () => {
    await withNats((url) =>
      withBus(url, async (bus) => {
        await eventually(() => assert(bus.isConnected()));
        await bus.ensureStream(stream);
        const seen: string[] = [];
        for (const ackWaitMs of [60_000, 10_000]) {
          await publish(bus, 'things.v', String(ackWaitMs));
          const options = { stream: 'THINGS', durable: 'writer', batchMax: 10, lingerMs: 1, ackWaitMs };
          const release = bus.work(options, async (batch) => {
            for (const message of batch) await message.ack();
            seen.push(...batch.map(text));
          });
          await eventually(() => assert.equal(seen.at(-1), String(ackWaitMs)));
          await release();
        }
      }),
    );
  });
});
