import assert from 'node:assert/strict';
import { ConcurrencyLimit } from './concurrency-limit.js';

let busy = 0;
const options = { min: 4, max: 200, targetMs: 25, utilization: () => busy };

/** A server whose only thread takes `workMs` for each call, kept as busy as the limit allows. @returns the limit in the end. */
function overload(limit: ConcurrencyLimit, workMs: number, fromMs: number, forMs: number): number {
  let nowMs = fromMs;
  busy = 1;
  while (nowMs < fromMs + forMs) {
    nowMs += workMs;
    limit.noteScarcity();
    limit.record('m', limit.value * workMs, nowMs);
  }
  return limit.value;
}

/** A store that answers `parallel` calls at a time, each after `workMs`. */
function overloadStore(
  limit: ConcurrencyLimit,
  parallel: number,
  workMs: number,
  fromMs: number,
  forMs: number,
): number {
  let nowMs = fromMs;
  while (nowMs < fromMs + forMs) {
    nowMs += workMs / Math.min(parallel, limit.value);
    limit.noteScarcity();
    limit.record('m', Math.max(1, limit.value / parallel) * workMs, nowMs);
  }
  return limit.value;
}

describe('the concurrency limit', () => {
  beforeEach(() => {
    busy = 0;
  });

  it('stays where it is while calls are quick and nobody waits', () => {
    const limit = new ConcurrencyLimit(options);
    const before = limit.value;
    for (let nowMs = 0; nowMs < 10_000; nowMs += 10) limit.record('m', 1, nowMs);
    assert.equal(limit.value, before);
  });

  it('grows while calls are quick and somebody waits', () => {
    const limit = new ConcurrencyLimit(options);
    for (let nowMs = 0; nowMs < 10_000; nowMs += 5) {
      limit.noteScarcity();
      limit.record('m', 1, nowMs);
    }
    assert.equal(limit.value, options.max);
  });

  it('has room for a burst of calls that wait for something else', () => {
    assert(new ConcurrencyLimit(options).value >= 50);
  });

  it('settles where a busy thread makes calls about as late as they may be', () => {
    const limit = new ConcurrencyLimit(options);
    for (let nowMs = 0; nowMs < 1_000; nowMs += 10) limit.record('m', 1, nowMs);
    const settled = overload(limit, 1, 1_000, 20_000);
    assert(settled >= 20 && settled <= 30, `${settled}`);
  });

  it('does not take an overload for normal, however long it lasts', () => {
    const limit = new ConcurrencyLimit(options);
    for (let nowMs = 0; nowMs < 1_000; nowMs += 10) limit.record('m', 1, nowMs);
    const settled = overload(limit, 1, 1_000, 600_000);
    assert(settled <= 30, `${settled}`);
  });

  it('settles although the process starts into the overload', () => {
    const settled = overload(new ConcurrencyLimit(options), 5, 0, 60_000);
    assert(settled >= options.min && settled <= 6, `${settled}`);
  });

  it('uses what a store can do at a time', () => {
    const limit = new ConcurrencyLimit(options);
    for (let nowMs = 0; nowMs < 1_000; nowMs += 10) limit.record('m', 20, nowMs);
    assert(overloadStore(limit, 50, 20, 1_000, 20_000) >= 50);
  });

  it('learns that a store has become slower, and uses it again', () => {
    const limit = new ConcurrencyLimit(options);
    for (let nowMs = 0; nowMs < 1_000; nowMs += 10) limit.record('m', 5, nowMs);
    overloadStore(limit, 50, 5, 1_000, 10_000);
    assert(overloadStore(limit, 50, 80, 11_000, 60_000) >= 40, `${limit.value}`);
  });

  it('shrinks also when nothing is answered in time', () => {
    const limit = new ConcurrencyLimit(options);
    busy = 1;
    for (let nowMs = 0; nowMs < 1_000; nowMs += 10) {
      limit.noteScarcity();
      limit.record('m', 500, nowMs, false);
    }
    assert.equal(limit.value, options.min);
  });

  it('holds each method against itself', () => {
    const limit = new ConcurrencyLimit(options);
    const before = limit.value;
    for (let nowMs = 0; nowMs < 5_000; nowMs += 10) {
      limit.record('quick', 1, nowMs);
      limit.record('slow', 400, nowMs);
    }
    assert.equal(limit.value, before);
  });

  it('does not mind a few calls that take long', () => {
    const limit = new ConcurrencyLimit(options);
    const before = limit.value;
    for (let call = 0; call < 5_000; call++) limit.record('m', call % 5 === 0 ? 500 : 1, call * 2);
    assert.equal(limit.value, before);
  });
});
