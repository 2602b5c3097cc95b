import assert from 'node:assert/strict';
import fc from 'fast-check';
import { FairQueue, type Waiter } from './fair-queue.js';

interface Named extends Waiter {
  readonly name: string;
}

const waiter = (key: string, name: string, untilMs = 1_000, sinceMs = 0): Named => ({
  ...{ key, name, untilMs, sinceMs },
  isGone: false,
});
/** Everybody has waited for long. */
const late = 1;
const here = (waiters: Iterable<Named>) => [...waiters].filter(({ isGone }) => !isGone);

/** The one that waits longest hangs up. */
function leave(waiters: Iterable<Named>): void {
  const [first] = waiters;
  if (first) first.isGone = true;
}
type Action = { readonly add: string; readonly untilMs: number } | 'take' | 'takeLast' | 'takeLate' | 'leave';

const anyAction: fc.Arbitrary<Action> = fc.oneof(
  fc.record({ add: fc.constantFrom('a', 'b', 'c'), untilMs: fc.nat(100) }),
  fc.constantFrom('take' as const, 'takeLast' as const, 'takeLate' as const, 'leave' as const),
);

/** @returns who was taken out. */
function act(queue: FairQueue<Named>, present: Set<Named>, action: Action, nowMs: number): (Named | undefined)[] {
  if (action === 'take') return [queue.take(late)];
  if (action === 'takeLast') return [queue.takeLast()];
  if (action === 'takeLate') return queue.takeLate(nowMs);
  if (action === 'leave') {
    leave(present);
    return [];
  }
  const one = waiter(action.add, action.add, action.untilMs);
  present.add(one);
  queue.add(one);
  return [];
}

const names = (waiters: readonly (Named | undefined)[]) => waiters.map((one) => one?.name);

describe('the queue', () => {
  it('serves the oldest first while that is soon', () => {
    const queue = new FairQueue<Named>();
    for (const name of ['1', '2', '3']) queue.add(waiter('a', name));
    assert.deepEqual(names([queue.take(0), queue.take(0), queue.take(0)]), ['1', '2', '3']);
  });

  it('serves the newest first once the oldest have waited long', () => {
    const queue = new FairQueue<Named>();
    for (const name of ['1', '2', '3']) queue.add(waiter('a', name));
    assert.deepEqual(names([queue.take(late), queue.take(late), queue.take(late), queue.take(late)]), [
      '3',
      '2',
      '1',
      undefined,
    ]);
  });

  it('lets keys take turns, however much one of them sends', () => {
    const queue = new FairQueue<Named>();
    for (let sent = 0; sent < 100; sent++) queue.add(waiter('flood', `f${sent}`));
    queue.add(waiter('b', 'b1'));
    queue.add(waiter('c', 'c1'));
    assert.deepEqual(names([queue.take(late), queue.take(late), queue.take(late), queue.take(late)]), [
      'f99',
      'b1',
      'c1',
      'f98',
    ]);
  });

  it('gives up the oldest of the key that has most', () => {
    const queue = new FairQueue<Named>();
    for (const name of ['f1', 'f2', 'f3']) queue.add(waiter('flood', name));
    queue.add(waiter('b', 'b1'));
    assert.equal(queue.takeLast()?.name, 'f1');
    assert.equal(queue.size, 3);
  });

  it('takes those out whose time is over or who are gone', () => {
    const queue = new FairQueue<Named>();
    const gone = waiter('a', 'gone');
    queue.add(waiter('a', 'late', 10));
    queue.add(gone);
    queue.add(waiter('b', 'patient'));
    gone.isGone = true;
    assert.deepEqual(names(queue.takeLate(10)), ['late', 'gone']);
    assert.equal(queue.size, 1);
    assert.equal(queue.take(late)?.name, 'patient');
  });

  it('passes over who is gone', () => {
    const queue = new FairQueue<Named>();
    const gone = waiter('a', 'gone');
    queue.add(waiter('a', '1'));
    queue.add(gone);
    gone.isGone = true;
    assert.equal(queue.take(late)?.name, '1');
    assert.equal(queue.size, 0);
  });

  it('loses nobody and serves nobody twice', () => {
    fc.assert(
      fc.property(fc.array(anyAction, { maxLength: 200 }), (steps) => {
        const queue = new FairQueue<Named>();
        const present = new Set<Named>();
        for (const [at, action] of steps.entries()) {
          for (const one of act(queue, present, action, at)) assert(one === undefined || present.delete(one));
          assert(queue.size >= here(present).length && queue.size <= present.size);
        }
        const rest: Named[] = [];
        for (let one = queue.take(late); one; one = queue.take(late)) rest.push(one);
        assert.deepEqual(new Set(rest), new Set(here(present)));
        assert.equal(queue.size, 0);
      }),
    );
  });
});
