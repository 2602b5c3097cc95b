/** What no sender of ours would send: the answer is a code and a sentence, nothing corrupt is counted, and the server stays up. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type ClientHttp2Session, connect } from 'node:http2';
import { gzipSync } from 'node:zlib';
import { Client, credentials, Metadata, status } from '@grpc/grpc-js';
import { type Event, ExposureKind, IngestionServiceService, LogEventsRequest, Outcome, User } from '@sluice/proto';
import { eventually } from '@sluice/testkit';
import { v7 } from 'uuid';
import { eventOf, openRoom, type Room, set, talkTo } from './ingestion-room.js';

const { ACCEPTED, REJECTED } = Outcome;
const { path } = IngestionServiceService.logEvents;
const inFlight = 64;
const deadlineMs = 20_000;
const mebibyte = 1024 * 1024;

const asIs = (bytes: Buffer): Buffer => bytes;

/** Requests that use more of the contract one after the other. */
function validRequest(at: number): Uint8Array {
  const user = User.fromPartial({ userId: `user-${at}`, country: 'DE', customIds: { company: `company-${at % 7}` } });
  const exposure = {
    ...{
      kind: ExposureKind.CONFIG,
      key: `test-${at}`,
      gateValue: false,
      ruleId: 'r',
      groupName: 'a',
      idType: 'userID',
    },
    ...{ unitId: `user-${at}`, revision: at, version: 1, parameter: '', allocatedExperiment: '' },
  };
  const value =
    at % 2 ? ({ $case: 'numberValue', value: at } as const) : ({ $case: 'stringValue', value: 'é' } as const);
  const event = eventOf({ name: `valid-${at}`, user, value, metadataJson: '{"plan":"pro","deep":[[1]]}' });
  const events = at % 3 ? [event] : [event, eventOf({ name: 'exposure', user, exposure })];
  return LogEventsRequest.encode(LogEventsRequest.fromPartial({ set, events, sentAtMs: Date.now() })).finish();
}

/** Books, attributes of every kind, and fields that others leave out. */
function largeRequest(): Uint8Array {
  const custom = {
    flag: { kind: { $case: 'boolValue' as const, value: true } },
    size: { kind: { $case: 'numberValue' as const, value: -1.5 } },
    list: { kind: { $case: 'json' as const, value: '[1,{"a":null}]' } },
  };
  const user = User.fromPartial({ userId: 'large', email: 'a@b.c', locale: 'de', custom, environment: { tier: 'x' } });
  const report = { number: 1, generated: 2, rejected: { name: 1 }, dropped: { full: 2 }, sequenced: 1 };
  const books = { sourceId: v7(), sequence: 1, report };
  const events = [eventOf({ name: 'large', user, traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` })];
  return LogEventsRequest.encode(
    LogEventsRequest.fromPartial({ set, events, sentAtMs: Date.now(), ...books }),
  ).finish();
}

describe('ingestion and bad input', function () {
  this.timeout(120_000);
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

  const send = (bytes: Uint8Array): Promise<{ code: status; details: string }> =>
    new Promise((resolve) => {
      const metadata = new Metadata();
      metadata.set('authorization', `Bearer ${room.serverKey}`);
      const options = { deadline: Date.now() + deadlineMs };
      client.makeUnaryRequest(path, asIs, asIs, Buffer.from(bytes), metadata, options, (error) =>
        resolve(error ? { code: error.code, details: error.details } : { code: status.OK, details: '' }),
      );
    });

  /** Sends all, so many at a time. @returns how often each code came. */
  async function sendAll(requests: Iterable<Uint8Array>): Promise<Map<string, number>> {
    const codes = new Map<string, number>();
    const iterator = requests[Symbol.iterator]();
    const lane = async (): Promise<void> => {
      for (let next = iterator.next(); !next.done; next = iterator.next()) {
        const { code, details } = await send(next.value);
        if (code !== status.OK) assert.notEqual(details, '', 'a refusal says why');
        const name = status[code] ?? String(code);
        codes.set(name, (codes.get(name) ?? 0) + 1);
      }
    };
    await Promise.all(Array.from({ length: inFlight }, lane));
    return codes;
  }

  const staysUp = async (): Promise<void> =>
    assert.deepEqual(await room.outcomesOf([eventOf({ name: 'still-up' })]), [ACCEPTED]);

  it('refuses every prefix of fifty requests that is no request', async () => {
    const requests = Array.from({ length: 50 }, (_, at) => validRequest(at));
    const prefixes = function* (): Generator<Uint8Array> {
      for (const request of requests) for (let end = 0; end < request.length; end++) yield request.subarray(0, end);
    };
    const before = await room.counters();
    const codes = await sendAll(prefixes());
    const after = await room.counters();
    assert.deepEqual([...codes.keys()].sort(), ['INVALID_ARGUMENT', 'OK']);
    const grown = (name: string): number => (after[name] ?? 0) - (before[name] ?? 0);
    // By the service's own count: what is corrupt was refused by its bytes, and no event of it was looked at.
    assert.equal(grown('requests_malformed'), codes.get('INVALID_ARGUMENT'));
    const judged = grown('events_accepted') + grown('events_duplicate') + grown('events_rejected');
    assert.ok(judged <= (codes.get('OK') ?? 0), `${judged} events of ${codes.get('OK')} requests`);
    // What ends at the border of a field is a request, with fewer fields.
    assert.ok((codes.get('INVALID_ARGUMENT') ?? 0) > 20 * (codes.get('OK') ?? 0));
    assert.deepEqual(await sendAll(requests), new Map([['OK', 50]]));
    await room.counted('valid-7', 1);
    await staysUp();
  });

  it('answers every flipped bit of a request with a code, and counts no text that is not UTF-8', async () => {
    // All bits of one; of others, with exposures, two events or the other kind of value, some of every byte.
    const requests = [validRequest(3), validRequest(4), validRequest(6), largeRequest()];
    const flipped = function* (): Generator<Uint8Array> {
      for (const [at, request] of requests.entries()) {
        for (let bit = 0; bit < request.length * 8; bit += at === 0 ? 1 : 5) {
          const bytes = Uint8Array.from(request);
          bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7));
          yield bytes;
        }
      }
    };
    const codes = await sendAll(flipped());
    // Another set's name is another set: not found, or not this key's.
    const known = ['INVALID_ARGUMENT', 'NOT_FOUND', 'OK', 'PERMISSION_DENIED'];
    assert.deepEqual(
      [...codes.keys()].sort().filter((code) => !known.includes(code)),
      [],
    );
    await staysUp();
    const [row] = await room.query<{ dead: number }>('select count(*)::int as dead from events.dead_letter');
    assert.equal(row?.dead, 0, 'all that was taken in could be stored');
  });

  it('refuses values that nothing can be done with, and names the field', async () => {
    const deep = `${'['.repeat(5_000)}${']'.repeat(5_000)}`;
    const bad: [Partial<Event>, RegExp][] = [
      [{ value: { $case: 'numberValue', value: Number.NaN } }, /^number_value: /],
      [{ value: { $case: 'numberValue', value: Number.POSITIVE_INFINITY } }, /^number_value: /],
      [{ timeMs: 0 }, /^time_ms: /],
      [{ timeMs: Date.UTC(1970, 5, 1) }, /^time_ms: /],
      [{ timeMs: Date.UTC(2262, 3, 11) }, /^time_ms: /],
      [{ metadataJson: deep }, /^metadata_json: /],
      [{ metadataJson: JSON.stringify({ a: 'x'.repeat(20_000) }) }, /^metadata_json: /],
      [{ metadataJson: '{"a":' }, /^metadata_json: /],
      [{ id: 'x'.repeat(65_536) }, /^id: /],
      [{ user: User.fromPartial({ userId: 'x'.repeat(65_536) }) }, /^user/],
    ];
    const { outcomes } = await room.server.log(bad.map(([part]) => eventOf({ name: 'bad', ...part })));
    for (const [at, { outcome, reason }] of outcomes.entries()) {
      assert.equal(outcome, REJECTED);
      assert.match(reason, bad[at]?.[1] ?? /never/);
    }
    await staysUp();
    assert.equal(await room.countOf('bad'), 0);
  });

  it('keeps tenants apart that send events of the same id', async () => {
    const other = { project: 'other', environment: 'production' };
    const key = await room.makeKey(other);
    const stranger = talkTo(room.target, key);
    try {
      const event = eventOf({ id: v7(), name: 'twin' });
      assert.deepEqual(await room.outcomesOf([event]), [ACCEPTED]);
      const answer = await stranger.ingestion.logEvents(
        { set: other, events: [event], sentAtMs: Date.now() },
        { timeoutMs: deadlineMs },
      );
      assert.equal(answer.outcomes[0]?.outcome, ACCEPTED);
      await room.counted('twin', 1);
      await eventually(async () => {
        const { count } = await stranger.ledger.getEvents({ set: other, name: 'twin' }, { timeoutMs: deadlineMs });
        assert.equal(count, 1);
      });
    } finally {
      stranger.close();
    }
  });

  it('does not unpack a bomb, and has its memory back afterwards', async () => {
    const { pid } = room.mesh.process('ingestion-1');
    const resident = (): number =>
      Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
    const bomb = gzipSync(Buffer.alloc(512 * mebibyte));
    const before = resident();
    const session = connect(room.target.replace('static:///', 'http://'));
    try {
      let peak = 0;
      const timer = setInterval(() => {
        peak = Math.max(peak, resident());
      }, 5);
      const answers = await Promise.all(Array.from({ length: 16 }, () => sendPacked(session, room.serverKey, bomb)));
      clearInterval(timer);
      for (const code of answers)
        assert.ok([status.RESOURCE_EXHAUSTED, status.UNIMPLEMENTED].includes(code), status[code]);
      assert.ok(peak < before + 256 * mebibyte, `${Math.round((peak - before) / mebibyte)} MiB more`);
    } finally {
      session.destroy();
    }
    // The collector works when there is work.
    await eventually(async () => {
      await staysUp();
      const more = resident() - before;
      assert.ok(more < 32 * mebibyte, `${Math.round(more / mebibyte)} MiB more than before`);
    });
  });
});

/** One call whose message says that it is packed. @returns the status code of the answer. */
function sendPacked(session: ClientHttp2Session, key: string, message: Uint8Array): Promise<status> {
  const { promise, resolve, reject } = Promise.withResolvers<status>();
  const stream = session.request({
    ':method': 'POST',
    ':path': path,
    te: 'trailers',
    'content-type': 'application/grpc',
    'grpc-encoding': 'gzip',
    authorization: `Bearer ${key}`,
  });
  const head = Buffer.alloc(5);
  head.writeUInt8(1, 0);
  head.writeUInt32BE(message.length, 1);
  const settle = (headers: Record<string, unknown>): void => {
    if (headers['grpc-status'] !== undefined) resolve(Number(headers['grpc-status']));
  };
  stream.on('response', settle);
  stream.on('trailers', settle);
  stream.on('error', reject);
  stream.on('close', () => reject(new Error('closed without a status')));
  stream.resume();
  stream.end(Buffer.concat([head, message]));
  return promise;
}
