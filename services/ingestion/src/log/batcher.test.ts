import assert from 'node:assert/strict';
import { type BatcherLimits, type BatchItem, createBatcher, type StartTimer } from './batcher.js';

interface Item extends BatchItem {
  readonly name: string;
}

const item = (name: string, count = 1, bytes = 10): Item => ({ name, count, bytes });
const limits: BatcherLimits = {
  ...{ eventsMax: 4, bytesMax: 100, pendingBytesMax: 1_000 },
  ...{ waitMs: 3, underwayMax: 2, waitLongestMs: 50 },
};

/** Timers that fire when the test says what time it is. */
function fakeClock() {
  const timers = new Set<{ atMs: number; work: () => void }>();
  let nowMs = 0;
  const startTimer: StartTimer = (work, afterMs) => {
    const timer = { atMs: nowMs + afterMs, work };
    timers.add(timer);
    return () => timers.delete(timer);
  };
  const advance = (ms: number): void => {
    nowMs += ms;
    for (const timer of timers) {
      if (timer.atMs > nowMs) continue;
      timers.delete(timer);
      timer.work();
    }
  };
  return { startTimer, advance, timers };
}

/** A batcher whose messages stay on their way until the test ends them. */
function trial(part: Partial<BatcherLimits> = {}) {
  const clock = fakeClock();
  const sent: { key: string; names: string[]; end: PromiseWithResolvers<string> }[] = [];
  const send = (key: string, items: readonly Item[]): Promise<string> => {
    const end = Promise.withResolvers<string>();
    sent.push({ key, names: items.map(({ name }) => name), end });
    return end.promise;
  };
  const batcher = createBatcher<Item, string>({ ...limits, ...part }, send, clock.startTimer);
  return { ...clock, batcher, sent, names: () => sent.map(({ names }) => names.join('')) };
}

describe('the batcher', () => {
  it('sends what comes alone in the same turn', () => {
    const { batcher, advance, names } = trial();
    batcher.add('set', item('a'));
    advance(0);
    assert.deepEqual(names(), ['a']);
  });

  it('gathers while a message is on its way, until the oldest has waited long enough', () => {
    const { batcher, advance, names } = trial();
    batcher.add('set', item('a'));
    advance(0);
    batcher.add('set', item('b'));
    advance(2);
    batcher.add('set', item('c'));
    assert.deepEqual(names(), ['a']);
    advance(1);
    assert.deepEqual(names(), ['a', 'bc']);
  });

  it('gathers on while as many are on their way as may be, until one is through', async () => {
    const { batcher, advance, sent, names } = trial();
    const first = batcher.add('set', item('a'));
    advance(0);
    batcher.add('set', item('b'));
    advance(3);
    batcher.add('set', item('c'));
    advance(20);
    batcher.add('set', item('d'));
    assert.deepEqual(names(), ['a', 'b'], 'two are on their way');
    sent[0]?.end.resolve('done');
    await first;
    assert.deepEqual(names(), ['a', 'b', 'cd']);
    batcher.add('set', item('e'));
    advance(3);
    advance(46);
    assert.equal(names().length, 3);
    advance(1);
    assert.deepEqual(names(), ['a', 'b', 'cd', 'e'], 'none waits for ever');
  });

  it('goes back to sending at once when nothing is on its way', async () => {
    const { batcher, advance, sent, names } = trial();
    const first = batcher.add('set', item('a'));
    advance(0);
    sent[0]?.end.resolve('done');
    await first;
    batcher.add('set', item('b'));
    advance(0);
    assert.deepEqual(names(), ['a', 'b']);
  });

  it('sends at once what reaches the limit of events or bytes, and never passes it', () => {
    const { batcher, names, timers } = trial();
    batcher.add('set', item('a', 2));
    batcher.add('set', item('b', 2));
    assert.deepEqual(names(), ['ab']);
    batcher.add('set', item('c', 3));
    batcher.add('set', item('d', 3));
    assert.deepEqual(names(), ['ab', 'c']);
    batcher.add('set', item('e', 1, 95));
    assert.deepEqual(names(), ['ab', 'c', 'd']);
    batcher.add('set', item('f', 1, 5));
    assert.deepEqual(names(), ['ab', 'c', 'd', 'ef']);
    assert.equal(timers.size, 0, 'no timer outlives its batch');
  });

  it('keeps keys apart', () => {
    const { batcher, advance, sent } = trial();
    batcher.add('one', item('a'));
    batcher.add('two', item('b'));
    advance(0);
    assert.deepEqual(
      sent.map(({ key, names }) => [key, names]),
      [
        ['one', ['a']],
        ['two', ['b']],
      ],
    );
  });

  it('gives every item the fate of its own message', async () => {
    const { batcher, advance, sent } = trial();
    const first = batcher.add('set', item('a'));
    advance(0);
    const second = batcher.add('set', item('b'));
    const third = batcher.add('set', item('c'));
    advance(3);
    sent[0]?.end.reject(new Error('the log is away'));
    sent[1]?.end.resolve('held');
    await assert.rejects(async () => first, /the log is away/);
    assert.deepEqual(await Promise.all([second, third]), ['held', 'held']);
  });

  it('refuses what would be too much, and takes more once some is through', async () => {
    const { batcher, advance, sent } = trial({ pendingBytesMax: 25 });
    const first = batcher.add('set', item('a'));
    advance(0);
    batcher.add('set', item('b'));
    assert.equal(batcher.add('set', item('c')), undefined);
    assert.equal(batcher.pendingBytes(), 20);
    sent[0]?.end.resolve('done');
    await first;
    assert.equal(batcher.pendingBytes(), 10);
    assert.notEqual(batcher.add('set', item('c')), undefined);
  });

  it('drains: sends what waits and ends with what is on its way', async () => {
    const { batcher, advance, sent, names } = trial();
    const first = batcher.add('set', item('a'));
    advance(0);
    const second = batcher.add('set', item('b'));
    let isDrained = false;
    const drained = batcher.drain().then(() => {
      isDrained = true;
    });
    assert.deepEqual(names(), ['a', 'b']);
    sent[0]?.end.resolve('done');
    await first;
    assert.equal(isDrained, false);
    sent[1]?.end.reject(new Error('away'));
    await assert.rejects(async () => second, /away/);
    await drained;
    assert.equal(batcher.pendingBytes(), 0);
  });
});
