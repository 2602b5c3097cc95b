import assert from 'node:assert/strict';
import { ProbeKind } from '@sluice/proto';
import { budgetLeft, burnRate, burnRates, filledUp } from './burn-rate.js';
import { SloBook } from './slo-book.js';
import { SloCounts } from './slo-counts.js';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const startMs = 1_000 * dayMs;

describe('counts over time', () => {
  it('are summed over any window, and forgotten in the end', () => {
    const counts = new SloCounts();
    for (let minute = 0; minute < 120; minute++) {
      for (let i = 0; i < 10; i++) counts.add(startMs + minute * minuteMs, minute < 60 || i > 0);
    }
    const nowMs = startMs + 120 * minuteMs;
    const all = { good: 1_140, total: 1_200 };
    const none = { good: 0, total: 0 };
    assert.deepEqual(counts.over(30 * minuteMs, nowMs), { good: 270, total: 300, unseenMs: 0 });
    assert.deepEqual(counts.over(3 * hourMs, nowMs), { ...all, unseenMs: hourMs });
    assert.deepEqual(counts.over(30 * dayMs, nowMs), { ...all, unseenMs: 30 * dayMs - 2 * hourMs });
    assert.deepEqual(counts.over(30 * minuteMs, nowMs + dayMs), { ...none, unseenMs: 30 * minuteMs });
    assert.deepEqual(counts.over(30 * dayMs, nowMs + 32 * dayMs), { ...none, unseenMs: 30 * dayMs });
  });

  it('hold no more than three days of minutes and thirty of hours', () => {
    const counts = new SloCounts();
    for (let minute = 0; minute < 40 * 24 * 60; minute++) counts.add(startMs + minute * minuteMs, true);
    const { minutes, hours } = counts.save();
    assert.deepEqual([minutes.length, hours.length], [3 * 24 * 60, 30 * 24]);
  });

  it('come back from what was saved', () => {
    const counts = new SloCounts();
    counts.add(startMs, true);
    counts.add(startMs, false);
    const again = new SloCounts(JSON.parse(JSON.stringify(counts.save())));
    again.add(startMs + 1, true);
    assert.deepEqual(again.over(minuteMs, startMs + 2), { good: 2, total: 3, unseenMs: 0 });
    assert.deepEqual(counts.over(minuteMs, startMs + 2), { good: 1, total: 2, unseenMs: 0 });
  });

  it('stay in order when the clock is set back', () => {
    const counts = new SloCounts();
    counts.add(startMs, true);
    counts.add(startMs - hourMs, false);
    assert.deepEqual(counts.over(minuteMs, startMs), { good: 1, total: 2, unseenMs: 0 });
  });
});

describe('burn rates', () => {
  it('say how many times faster than sustainable a budget goes', () => {
    assert.equal(burnRate({ good: 999, total: 1_000 }, 0.999).toFixed(6), '1.000000');
    assert.equal(burnRate({ good: 0, total: 0 }, 0.999), 0);
    assert.equal(budgetLeft({ good: 9_995, total: 10_000 }, 0.999).toFixed(6), '0.500000');
    assert.equal(budgetLeft({ good: 0, total: 0 }, 0.999), 1);
    assert(budgetLeft({ good: 0, total: 10 }, 0.999) < 0);
  });

  /** Bad for `badMs` until now, good before, observed every second for a day. */
  const firing = (badMs: number, sinceMs = 0): string[] => {
    const counts = new SloCounts();
    const endMs = startMs + dayMs;
    for (let at = startMs; at < endMs; at += 1_000) {
      const agoMs = endMs - at;
      counts.add(at, agoMs > badMs + sinceMs || agoMs <= sinceMs);
    }
    return burnRates(0.9999, (windowMs) => filledUp(counts.over(windowMs, endMs), 1_000))
      .filter(({ isFiring }) => isFiring)
      .map(({ threshold }) => `${threshold}`);
  };

  it('fire by both windows, the quick one first', () => {
    assert.deepEqual(firing(0), []);
    assert.deepEqual(firing(2_000), []);
    assert.deepEqual(firing(10_000), ['14.4']);
    assert.deepEqual(firing(30_000), ['14.4', '6', '1']);
  });

  it('end soon after the fault, because of the short window', () => {
    assert.deepEqual(firing(10_000, 10 * minuteMs), []);
  });

  it('are not alarmed by the first bad second of a new mesh', () => {
    const counts = new SloCounts();
    counts.add(startMs, false);
    const rates = burnRates(0.9999, (windowMs) => filledUp(counts.over(windowMs, startMs), 1_000));
    assert(rates.every(({ isFiring }) => !isFiring));
  });
});

describe('the book of objectives', () => {
  const probe = (region: string, kind: ProbeKind, isGood: boolean, latencyMs: number, atMs = startMs) => ({
    region,
    result: { kind, isGood, cause: '', latencyMs, atMs, sinceMs: atMs },
  });

  it('counts the whole time of an outage in which each probe takes longer than the pause between probes', () => {
    const book = new SloBook();
    const outageMs = 10 * minuteMs;
    for (let at = 0; at < hourMs - outageMs; at += 5_000)
      book.count(probe('eu', ProbeKind.INGEST, true, 50, startMs + at));
    for (let at = hourMs - outageMs; at < hourMs; at += 12_000)
      book.count(probe('eu', ProbeKind.INGEST, false, 12_000, startMs + at));
    const [events] = book.read(startMs + hourMs);
    const share = (events?.burnRates[0]?.longRate ?? 0) * 0.001;
    assert(Math.abs(share - outageMs / hourMs) < 0.02, `${share} of the hour`);
  });

  it('takes nothing for good that it saw to be bad, however few probes there were', () => {
    const book = new SloBook();
    for (let at = 0; at < 5 * minuteMs; at += 30_000)
      book.count(probe('eu', ProbeKind.EVALUATE, false, 1, startMs + at));
    const [availability] = book.read(startMs + 5 * minuteMs);
    assert.equal(availability?.burnRates[0]?.shortRate.toFixed(0), '10000');
  });

  it('counts each probe for every objective that it speaks of', () => {
    const book = new SloBook();
    book.count(probe('eu', ProbeKind.EVALUATE, true, 5));
    book.count(probe('eu', ProbeKind.EVALUATE, true, 500));
    book.count(probe('us', ProbeKind.INGEST, false, 5));
    book.count(probe('us', ProbeKind.REVISION, false, 5));
    assert.deepEqual(
      book.read(startMs).map(({ region, name, good, total }) => [region, name, good, total]),
      [
        ['eu', 'availability', 2, 2],
        ['eu', 'latency', 1, 2],
        ['us', 'events', 0, 1],
      ],
    );
    assert.deepEqual(
      book.read(startMs, 'us').map(({ name }) => name),
      ['events'],
    );
    const again = new SloBook(JSON.parse(JSON.stringify(book.save())));
    assert.deepEqual(again.read(startMs), book.read(startMs));
  });
});
