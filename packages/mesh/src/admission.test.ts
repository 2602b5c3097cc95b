import assert from 'node:assert/strict';
import { Admission, pushback, type ShedReason, type WaitingCall } from './admission.js';

const limits = { inFlightMax: 2, inFlightMin: 2, latencyTargetMs: 25, queueMax: 3, queueTimeoutMs: 100 };

const took = (latencyMs: number) => ({ method: 'm', latencyMs, isAnswered: true });

/** A call that waits, and writes down what became of it. */
function waiting(
  admission: Admission,
  nowMs: number,
  key = 'a',
  deadlineMs = Number.POSITIVE_INFINITY,
  isRepeatable = true,
) {
  const call: WaitingCall & { fate: 'admitted' | ShedReason | undefined } = {
    key,
    deadlineMs,
    sinceMs: nowMs,
    untilMs: admission.patienceUntil(nowMs, deadlineMs, isRepeatable),
    isGone: false,
    fate: undefined,
    admit: () => {
      call.fate = 'admitted';
    },
    shed: (reason) => {
      call.fate = reason;
    },
  };
  admission.wait(call);
  return call;
}

/** One whose places are all taken. */
function full(): Admission {
  const admission = new Admission(limits, () => 0);
  assert(admission.tryEnter() && admission.tryEnter());
  assert(!admission.tryEnter());
  return admission;
}

describe('admission', () => {
  it('lets the oldest in when somebody leaves', () => {
    const admission = full();
    const older = waiting(admission, 0);
    const newer = waiting(admission, 1);
    admission.leave(10, took(10));
    assert.equal(older.fate, 'admitted');
    assert.equal(newer.fate, undefined);
  });

  it('lets the newest in when the oldest have waited long', () => {
    const admission = full();
    const older = waiting(admission, 0);
    const newer = waiting(admission, 50);
    admission.leave(60, took(10));
    assert.equal(newer.fate, 'admitted');
    assert.equal(older.fate, undefined);
    assert.equal(admission.inFlight, 2);
    assert.equal(admission.waiting, 1);
  });

  it('turns the oldest of the greediest key away when too many wait', () => {
    const admission = full();
    const flood = [0, 1, 2].map((nowMs) => waiting(admission, nowMs, 'flood'));
    const other = waiting(admission, 3, 'other');
    assert.deepEqual(
      flood.map(({ fate }) => fate),
      ['queue_full', undefined, undefined],
    );
    assert.equal(other.fate, undefined);
  });

  it('turns away who has waited long enough', () => {
    const admission = full();
    const call = waiting(admission, 0);
    admission.sweep(99);
    assert.equal(call.fate, undefined);
    admission.sweep(100);
    assert.equal(call.fate, 'waited_too_long');
  });

  it('lets a call wait for half of its time', () => {
    const admission = full();
    const call = waiting(admission, 0, 'a', 10_000);
    admission.sweep(4_999);
    assert.equal(call.fate, undefined);
    admission.sweep(5_000);
    assert.equal(call.fate, 'waited_too_long');
  });

  it('lets a call wait to its end that nobody would repeat', () => {
    const admission = full();
    const call = waiting(admission, 0, 'a', 10_000, false);
    admission.sweep(9_990);
    assert.equal(call.fate, undefined);
    admission.sweep(10_000);
    assert.equal(call.fate, 'deadline');
  });

  it('never begins what can not be answered in time', () => {
    const admission = full();
    const hopeless = waiting(admission, 0, 'a', 50);
    admission.leave(49, took(49));
    assert.equal(hopeless.fate, 'deadline');
    assert.equal(admission.inFlight, 1);
  });

  it('does nothing for who is gone', () => {
    const admission = full();
    const call = waiting(admission, 0);
    call.isGone = true;
    admission.leave(1);
    admission.sweep(1_000);
    assert.equal(call.fate, undefined);
    assert.equal(admission.waiting, 0);
    assert.equal(admission.inFlight, 1);
  });

  it('lets a few in before the loop turns, and then each key in its turn', async () => {
    const admission = new Admission({ ...limits, inFlightMin: 20, inFlightMax: 20 }, () => 0);
    const nowMs = performance.now();
    let entered = 0;
    while (admission.tryEnter()) entered++;
    assert.equal(entered, 4);
    for (let ended = 0; ended < entered; ended++) admission.leave(nowMs, took(1));
    const greedy = [waiting(admission, nowMs, 'greedy'), waiting(admission, nowMs, 'greedy')];
    const good = waiting(admission, nowMs, 'good');
    assert.deepEqual(
      [...greedy, good].map(({ fate }) => fate),
      [undefined, undefined, undefined],
    );
    await new Promise(setImmediate);
    assert.deepEqual(
      [...greedy, good].map(({ fate }) => fate),
      ['admitted', 'admitted', 'admitted'],
    );
    assert(admission.tryEnter(), 'the loop has turned');
    assert(!admission.tryEnter(), 'four were let in since');
  });

  it('turns nobody away for the sake of a turn', () => {
    const admission = new Admission({ ...limits, inFlightMin: 20, inFlightMax: 20 }, () => 0);
    for (let call = 0; call < 20; call++) if (!admission.tryEnter()) waiting(admission, 0);
    assert.equal(admission.inFlight + admission.waiting, 20);
  });

  it('lets everybody in when it is switched off', () => {
    const admission = new Admission({ ...limits, inFlightMax: 0 }, () => 0);
    for (let call = 0; call < 1_000; call++) assert(admission.tryEnter());
  });

  it('asks callers to stay away longer, the more of them it turns away', () => {
    assert(pushback(0) >= 20 && pushback(1) <= 250 && pushback(1) > 4 * pushback(0));
  });
});
