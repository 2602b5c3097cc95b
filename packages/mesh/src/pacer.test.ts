import assert from 'node:assert/strict';
import { SluiceError } from './errors.js';
import { Pacer } from './pacer.js';

describe('the pacer', () => {
  let nowMs = 0;
  const open = () => new Pacer({ bytesPerSecond: 1_000, burstBytes: 500, waitMaxMs: 2_000, now: () => nowMs });

  it('lets a burst through at once, and the rest at its rate', () => {
    const pacer = open();
    assert.deepEqual(
      Array.from({ length: 6 }, () => pacer.reserve(250)),
      [0, 0, 0, 250, 500, 750],
    );
  });

  it('forgets what has gone out', () => {
    const pacer = open();
    for (let i = 0; i < 6; i++) pacer.reserve(250);
    nowMs += 10_000;
    assert.equal(pacer.reserve(250), 0);
  });

  it('lets one through that is larger than the burst', () => {
    assert.equal(open().reserve(100_000), 0);
  });

  it('tells those for whom it would take too long when to come back', () => {
    const pacer = open();
    let admitted = 0;
    const refusal = (): SluiceError => {
      for (;;) {
        try {
          pacer.reserve(250);
          admitted++;
        } catch (error) {
          assert(error instanceof SluiceError);
          return error;
        }
      }
    };
    const { kind, retryAfterMs } = refusal();
    assert.equal(kind, 'exhausted');
    assert.equal(admitted, 11);
    // About the time that those ahead take, and not the same for everybody.
    assert((retryAfterMs ?? 0) >= 1_000 && (retryAfterMs ?? 0) <= 4_000);
    // Who was refused takes no place.
    nowMs += 250;
    assert.equal(pacer.reserve(250), 2_000);
  });

  it('does not hold up whoever has gone', async () => {
    const pacer = open();
    pacer.reserve(2_400);
    const gone = new AbortController();
    const waiting = pacer.admit(1, gone.signal);
    assert.equal(pacer.waiting, 1);
    gone.abort();
    await waiting;
    assert.equal(pacer.waiting, 0);
  });
});
