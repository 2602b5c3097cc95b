import assert from 'node:assert/strict';
import { createCounters, isTotal } from '../counters.js';
import { problemsOf } from './balance.js';
import {
  beginningOf,
  endOf,
  foldStarts,
  isOnItsWay,
  leftBehind,
  logsElsewhere,
  pendingIn,
  placeOf,
  regionBooksOf,
  type Said,
} from './instance-books.js';

const nowMs = 1_000_000_000_000;
const hourMs = 3_600_000;

const said = (counters: Record<string, number>, part: Partial<Said> = {}): Said => ({
  ...{ region: 'us', instance: 'i', counters, reportedAtMs: nowMs },
  ...part,
});
const silent = { reportedAtMs: nowMs - hourMs };

const countersOf = (starts: readonly Said[], forgotten: readonly Said[] = []) =>
  foldStarts(forgotten, starts).get(placeOf(starts[0] ?? said({})))?.counters;

/** What the books make of starts, and whether it adds up. */
function booksOf(starts: readonly Said[], forgotten: readonly Said[] = []) {
  const [region] = regionBooksOf(foldStarts(forgotten, starts).values(), []);
  assert(region);
  const store = { taken: 0, stored: 0, duplicate: 0, buried: 0, messages: 0, messagesBuried: 0, recounted: undefined };
  const rest = { instances: [], sources: [], isMoving: false, isWhole: true, isRetained: true, storedBefore: 0 };
  const problems = problemsOf({
    store: { ...store, deadLetters: 0, messagesPending: 0 },
    regions: [region],
    ...rest,
  });
  return { region, problems };
}

/** A start that had 5 in hand and 4 on its disk when it was heard of last. */
const killed = {
  ...{ events_received: 30, events_recovered: 0, events_accepted: 10, events_duplicate: 2, events_rejected: 3 },
  ...{ 'events_rejected{name}': 2, 'events_rejected{user.custom}': 1, events_dropped: 6, in_flight: 5 },
  ...{ 'events_dropped{exhausted}': 6, unverified_pending: 4, spool_events: 7, events_appended: 10 },
};

describe('what instances say', () => {
  it('adds up over starts: what was in hand of the dead is dropped, what was on disk is their successor’s', () => {
    const next = { events_received: 1, events_recovered: 4, events_accepted: 5, unverified_pending: 0, in_flight: 0 };
    const { region, problems } = booksOf([said(killed), said(next)]);
    assert.deepEqual(problems, []);
    assert.deepEqual([region.received, region.accepted, region.unverified, region.inFlight], [31, 15, 0, 0]);
    assert.deepEqual(region.rejected, { name: 2, 'user.custom': 1 });
    assert.deepEqual(region.dropped, { exhausted: 6, crashed: 5 });
    assert.deepEqual([region.appended, region.spooled], [15, 0]);
  });

  it('keeps its totals when starts are forgotten, and says what was left on a disk', () => {
    const forgotten = said(endOf(beginningOf(killed), false), silent);
    assert.ok(Object.keys(forgotten.counters).every((name) => isTotal(name) || name === 'events_abandoned'));
    const { region, problems } = booksOf([], [forgotten]);
    assert.deepEqual(problems, []);
    assert.deepEqual(region.dropped, { exhausted: 6, crashed: 5, abandoned: 4 });
    assert.deepEqual([region.appended, region.spooled, region.abandoned], [10, 0, 7]);
    const followed = said(endOf(beginningOf(killed), true));
    assert.equal(countersOf([said({ events_recovered: 4, events_accepted: 4 })], [followed])?.events_received, 30);
  });

  it('is believed of processes that did not count all of it', () => {
    const old = { events_accepted: 8, events_duplicate: 1, events_rejected: 2, unverified_pending: 3 };
    const { region, problems } = booksOf([said(old)]);
    assert.deepEqual(problems, []);
    assert.deepEqual([region.received, region.appended, region.rejected], [14, 8, { unknown: 2 }]);
  });

  it('is on its way only while somebody runs who brings it; otherwise it lies somewhere, and that is said', () => {
    const spooled = { spool_events: 12 };
    assert.equal(isOnItsWay(said(spooled), nowMs), true);
    assert.equal(isOnItsWay(said(spooled, silent), nowMs), false);
    assert.deepEqual(leftBehind([said(spooled)], [], nowMs), []);
    assert.match(
      leftBehind([said(spooled, silent)], [], nowMs).join(),
      /^us\/i: 12 events in its spool, and it is silent since 2001-09-09T00:46:40.000Z; start it again/,
    );
  });

  it('counts the log of another region once, by its newest word, and not when nobody speaks of it any more', () => {
    const eu = (instance: string, messages: number, part: Partial<Said> = {}) =>
      said({ log_pending: messages }, { region: 'eu', instance, ...part });
    const logs = logsElsewhere([said({ log_pending: 99 }), eu('dead', 40, silent), eu('a', 5)], 'us');
    assert.deepEqual([logs.length, pendingIn(logs, nowMs), leftBehind([], logs, nowMs)], [1, 5, []]);
    const dumb = logsElsewhere([eu('dead', 40, silent)], 'us');
    assert.equal(pendingIn(dumb, nowMs), 0);
    assert.match(leftBehind([], dumb, nowMs).join(), /^eu: 40 messages in its log, and all of its ingestion is silent/);
  });
});

describe('counters', () => {
  it('tell a bounded number of reasons apart, and know what is in hand', () => {
    const counters = createCounters();
    counters.begin(200);
    for (let at = 0; at < 100; at++) counters.addFor('events_rejected', `field ${at} ${'x'.repeat(100)}`, 1);
    counters.finish(100);
    const { in_flight: inFlight, ...reasons } = counters.readDetails();
    assert.deepEqual([inFlight, counters.read().events_received, counters.read().events_rejected], [100, 200, 100]);
    assert.equal(Object.keys(reasons).length, 51);
    assert.equal(reasons['events_rejected{other}'], 50);
  });
});
