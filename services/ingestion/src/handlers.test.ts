import assert from 'node:assert/strict';
import { type Call, type Principal, type PrincipalKind, SluiceError } from '@sluice/mesh';
import { Durability, type Event, EventBatch, LogEventsRequest, Outcome } from '@sluice/proto';
import { createCounters } from './counters.js';
import { type Handling, logEvents } from './handlers.js';
import type { Append, AppendResult, EventLog, LogEvent } from './log/event-log.js';
import { createRecentIds } from './log/recent-ids.js';
import { eventOf, idAt, testNowMs } from './test/events.js';
import { receive } from './wire/definition.js';
import { createSkews } from './wire/skew.js';

const { ACCEPTED, DUPLICATE, REJECTED } = Outcome;
const set = { project: 'shop', environment: 'production' };

function callBy(kind: PrincipalKind, part: Partial<Principal> = {}, remainingMs = 60_000): Call {
  const principal: Principal = { kind, ...set, canWrite: false, label: '', digest: '', ...part };
  return { principal, traceparent: undefined, remainingMs: () => remainingMs } as Call;
}

/** The log's answer: it had all of them before, or none. */
const held = (events: readonly LogEvent[], isHeld: boolean): AppendResult => ({
  wereHeld: events.map(() => isHeld),
  durability: Durability.QUORUM,
});

/** Handling with a log that answers as the test says. */
function trial(append: EventLog['append'] = ({ events }) => Promise.resolve(held(events, false))) {
  const appended: Append[] = [];
  const quarantined: number[] = [];
  const log: EventLog = {
    append: (given) => {
      appended.push(given);
      return append(given);
    },
    pendingBytes: () => 0,
    drain: () => Promise.resolve(),
  };
  const handling = {
    log,
    recent: createRecentIds(128),
    counters: createCounters(),
    clock: { now: () => testNowMs },
    skews: createSkews(),
    quarantine: {
      add: async (_: string, { events }: { events: readonly unknown[] }) => void quarantined.push(events.length),
    },
    sets: { isKnown: ({ project }: { project: string }) => Promise.resolve(project === 'shop') },
  } as unknown as Handling;
  const send = (events: Event[], call = callBy('server'), sentAtMs = 0) =>
    logEvents(
      handling,
      receive(Buffer.from(LogEventsRequest.encode({ set: undefined, events, sentAtMs }).finish())),
      call,
    );
  return { handling, appended, quarantined, send };
}

const eventsIn = (append: Append | undefined): Event[] =>
  EventBatch.decode(Buffer.concat((append?.events ?? []).map(({ bytes, from, to }) => bytes.subarray(from, to))))
    .events;

const eventNumber = (serial: number): Event => eventOf({ id: idAt(testNowMs, serial) });

describe('logEvents', () => {
  it('gives the log what it accepts, and answers in the order of the request', async () => {
    const { send, appended, handling } = trial();
    const [one, two] = [eventNumber(1), eventNumber(2)];
    const { outcomes, durability } = await send([one, { ...one, name: '' }, one, two]);
    assert.deepEqual(
      outcomes.map(({ outcome }) => outcome),
      [ACCEPTED, REJECTED, DUPLICATE, ACCEPTED],
    );
    assert.equal(durability, Durability.QUORUM);
    assert.deepEqual(eventsIn(appended[0]), [one, two]);
    assert.deepEqual(appended[0]?.set, set);
    const { events_accepted, events_rejected, events_duplicate } = handling.counters.read();
    assert.deepEqual([events_accepted, events_rejected, events_duplicate], [2, 1, 1]);
  });

  it('tells a retry that the log has it, by memory or by the word of the log', async () => {
    const { send } = trial();
    await send([eventNumber(1)]);
    assert.equal((await send([eventNumber(1)])).outcomes[0]?.outcome, DUPLICATE);
    const holding = trial(({ events }) => Promise.resolve(held(events, true)));
    const { outcomes, durability } = await holding.send([eventNumber(2)]);
    assert.deepEqual([outcomes[0]?.outcome, durability], [DUPLICATE, Durability.QUORUM]);
  });

  it('promises nothing when nothing was accepted', async () => {
    const { send } = trial();
    assert.equal((await send([])).durability, Durability.UNSPECIFIED);
    assert.equal((await send([eventOf({ id: '' })])).durability, Durability.UNSPECIFIED);
  });

  it('forgets an event that the log did not take, so that its retry is taken', async () => {
    let isAway = true;
    const { send } = trial(({ events }) =>
      isAway ? Promise.reject(new SluiceError('unavailable', 'away')) : Promise.resolve(held(events, false)),
    );
    await assert.rejects(send([eventNumber(1)]), { kind: 'unavailable' });
    isAway = false;
    assert.equal((await send([eventNumber(1)])).outcomes[0]?.outcome, ACCEPTED);
  });

  it('advises to retry while the caller still listens', async () => {
    const { send } = trial(() => new Promise(() => undefined));
    await assert.rejects(send([eventNumber(1)], callBy('server', {}, 5)), (error) => {
      assert(error instanceof SluiceError);
      assert.equal(error.kind, 'unavailable');
      assert(error.retryAfterMs !== undefined);
      return true;
    });
  });

  it('books everything that it received, also what the log takes when nobody waits any more', async () => {
    const { promise: isBack, resolve: comeBack } = Promise.withResolvers<void>();
    const { send, handling } = trial(async ({ events }) => {
      await isBack;
      return held(events, false);
    });
    const counts = (): Record<string, number> => ({ ...handling.counters.read(), ...handling.counters.readDetails() });
    await assert.rejects(send([eventNumber(1), { ...eventNumber(2), name: '' }], callBy('server', {}, 5)));
    assert.deepEqual([counts().events_received, counts().in_flight, counts().events_accepted], [2, 2, 0]);
    comeBack();
    // Answered from memory: what nobody waited for was taken.
    assert.equal((await send([eventNumber(1)])).outcomes[0]?.outcome, DUPLICATE);
    const { events_received: received, events_accepted: accepted, in_flight: inFlight } = counts();
    assert.deepEqual([received, accepted, counts().events_duplicate, inFlight], [3, 1, 1, 0]);
    assert.equal(counts()['events_rejected{name}'], 1);
  });

  it('books what the log refuses as dropped, by the reason', async () => {
    const { send, handling } = trial(() => Promise.reject(new SluiceError('exhausted', 'full')));
    await assert.rejects(send([eventNumber(1), eventNumber(2)]), { kind: 'exhausted' });
    const { events_received: received, events_dropped: dropped } = handling.counters.read();
    assert.deepEqual([received, dropped], [2, 2]);
    const { in_flight: inFlight, ...reasons } = handling.counters.readDetails();
    assert.deepEqual([inFlight, reasons], [0, { 'events_dropped{exhausted}': 2 }]);
  });

  it('passes the skew on with the corrected times', async () => {
    const { send, appended } = trial();
    const hourMs = 3_600_000;
    await send([eventOf({ timeMs: testNowMs - hourMs - 1_000 })], callBy('server'), testNowMs - hourMs);
    assert.equal(appended[0]?.skewMs, hourMs);
    assert.equal(eventsIn(appended[0])[0]?.timeMs, testNowMs - 1_000);
  });

  it('keeps the events of a key that can not be checked, and no room for requests without any', async () => {
    const { send, appended, quarantined } = trial();
    const unverified = callBy('unverified');
    assert.deepEqual(await send([], unverified), { outcomes: [], durability: Durability.UNSPECIFIED });
    assert.deepEqual(quarantined, []);
    assert.equal((await send([eventNumber(1)], unverified)).durability, Durability.SPOOLED);
    assert.deepEqual([quarantined, appended], [[1], []]);
  });

  it('asks console keys to be writable, and every key for a set that exists', async () => {
    const { send } = trial();
    await assert.rejects(send([eventNumber(1)], callBy('console')), { kind: 'forbidden' });
    assert.equal((await send([eventNumber(1)], callBy('console', { canWrite: true }))).outcomes[0]?.outcome, ACCEPTED);
    await assert.rejects(send([eventNumber(2)], callBy('server', { project: 'bank' })), { kind: 'not_found' });
    assert.equal((await send([eventNumber(2)], callBy('mesh', { project: 'bank' }))).outcomes[0]?.outcome, ACCEPTED);
    await assert.rejects(send([eventNumber(3)], callBy('mesh', { project: 'a.b' })), { field: 'set.project' });
  });

  it('names the field that was wrong on the wire', async () => {
    const { handling } = trial();
    const problem = { field: 'events[3].name', message: 'is not valid UTF-8' };
    await assert.rejects(logEvents(handling, { problem }, callBy('server')), {
      kind: 'invalid',
      message: 'events[3].name: is not valid UTF-8',
    });
  });
});
