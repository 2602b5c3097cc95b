/** StreamEvents over the wire: batches by number, each event answered, nothing read that nobody takes the answers of. */
import assert from 'node:assert/strict';
import { Client, type ClientDuplexStream, credentials, Metadata, status } from '@grpc/grpc-js';
import {
  Durability,
  type Event,
  IngestionServiceService,
  LogEventsRequest,
  Outcome,
  type StreamEventsRequest,
  type StreamEventsResponse,
} from '@sluice/proto';
import { eventually } from '@sluice/testkit';
import { eventOf, openRoom, type Room, set } from './ingestion-room.js';

const { ACCEPTED, DUPLICATE, REJECTED } = Outcome;
const { path, requestSerialize, responseDeserialize } = IngestionServiceService.streamEvents;

type Stream = ClientDuplexStream<StreamEventsRequest, StreamEventsResponse>;

const batchOf = (batchNumber: number, events: Event[]): StreamEventsRequest => ({
  batchNumber,
  batch: { ...LogEventsRequest.fromPartial({}), set, events, sentAtMs: Date.now() },
});

const outcomesOf = ({ result }: StreamEventsResponse): number[] => result?.outcomes.map(({ outcome }) => outcome) ?? [];

describe('a stream of events', function () {
  this.timeout(60_000);
  let room: Room;
  let client: Client;

  before(async () => {
    room = await openRoom();
    const options = { 'grpc.enable_http_proxy': 0, 'grpc.use_local_subchannel_pool': 1 };
    client = new Client(room.target.replace('static:///', ''), credentials.createInsecure(), options);
  });

  after(async () => {
    client?.close();
    await room?.close();
  });

  function open(deadlineMs = 30_000): Stream {
    const metadata = new Metadata();
    metadata.set('authorization', `Bearer ${room.serverKey}`);
    const options = { deadline: Date.now() + deadlineMs };
    return client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata, options);
  }

  /** Everything that the stream answers until it ends, and how it ended. */
  function readAll(stream: Stream): Promise<{ answers: StreamEventsResponse[]; code: status; details: string }> {
    const { promise, resolve } = Promise.withResolvers<Awaited<ReturnType<typeof readAll>>>();
    const answers: StreamEventsResponse[] = [];
    stream.on('data', (answer: StreamEventsResponse) => answers.push(answer));
    // Told by the status, too.
    stream.on('error', () => undefined);
    stream.on('status', ({ code, details }) => resolve({ answers, code, details }));
    return promise;
  }

  it('answers each batch by its number and each event in its order, also what is known or wrong', async () => {
    const stream = open();
    const ended = readAll(stream);
    const known = eventOf({ name: 'streamed' });
    assert.deepEqual(await room.outcomesOf([known]), [ACCEPTED]);
    stream.write(batchOf(7, [eventOf({ name: 'streamed' }), known, eventOf({ name: 'streamed', timeMs: 0 })]));
    stream.write(batchOf(3, []));
    stream.end();
    const { answers, code } = await ended;
    assert.equal(code, status.OK);
    const byNumber = new Map(answers.map((answer) => [answer.batchNumber, answer]));
    assert.deepEqual([...byNumber.keys()].sort(), [3, 7]);
    const [seventh, third] = [byNumber.get(7), byNumber.get(3)];
    assert(seventh && third);
    assert.deepEqual(outcomesOf(seventh), [ACCEPTED, DUPLICATE, REJECTED]);
    assert.match(seventh.result?.outcomes[2]?.reason ?? '', /^time_ms: /);
    assert.deepEqual([seventh.result?.durability, seventh.retryAfterMs], [Durability.QUORUM, 0]);
    assert.deepEqual(outcomesOf(third), []);
    await room.counted('streamed', 2);
  });

  it('answers batches that nobody waits between, more than may be under way, each once', async () => {
    const stream = open();
    const ended = readAll(stream);
    for (let number = 1; number <= 1_500; number++) stream.write(batchOf(number, [eventOf({ name: 'crowd' })]));
    stream.end();
    const { answers, code } = await ended;
    assert.equal(code, status.OK);
    const accepted = answers.filter((answer) => outcomesOf(answer)[0] === ACCEPTED);
    assert.equal(new Set(accepted.map(({ batchNumber }) => batchNumber)).size, 1_500);
    await room.counted('crowd', 1_500);
  });

  it('reads no more while its caller does not read, and goes on when it does', async () => {
    const batches = 600;
    const rejected = async () => (await room.counters()).events_rejected ?? 0;
    const before = await rejected();
    const stream = open();
    // A caller that reads nothing at all buffers everything: grpc-js holds the sender up from the first read on.
    stream.once('data', () => stream.pause());
    // Batches that a connection holds some of only, and answers as well: fifty reasons each.
    const metadataJson = JSON.stringify({ a: 'x'.repeat(100) });
    const events = Array.from({ length: 50 }, () => eventOf({ id: '', metadataJson }));
    for (let number = 1; number <= batches; number++) stream.write(batchOf(number, events));
    stream.end();
    let last = -1;
    await eventually(async () => {
      const now = (await rejected()) - before;
      const isStill = now > 0 && now === last;
      last = now;
      return isStill;
    });
    assert(last < (batches * events.length) / 2, `${last} events were judged while nobody read`);
    const ended = readAll(stream);
    stream.resume();
    const { answers, code } = await ended;
    assert.deepEqual([code, answers.length + 1], [status.OK, batches]);
  });

  it('ends with what the sender must change, and names it', async () => {
    const stream = open();
    const ended = readAll(stream);
    stream.write({ batchNumber: 1, batch: undefined });
    const { code, details } = await ended;
    assert.deepEqual([code, /^batch: is missing/.test(details)], [status.INVALID_ARGUMENT, true], details);
    const other = open();
    const otherEnded = readAll(other);
    other.write(
      batchOf(
        1,
        Array.from({ length: 1_001 }, () => eventOf()),
      ),
    );
    assert.match((await otherEnded).details, /^batch\.events: has more than 1000 elements/);
  });

  it('ends at its deadline; what it answered stays answered', async () => {
    const event = eventOf({ name: 'in-time' });
    const stream = open(1_500);
    const ended = readAll(stream);
    stream.write(batchOf(1, [event]));
    const { answers, code } = await ended;
    assert.equal(code, status.DEADLINE_EXCEEDED);
    assert.deepEqual(answers.map(outcomesOf), [[ACCEPTED]]);
    assert.deepEqual(await room.outcomesOf([event]), [DUPLICATE]);
  });
});
