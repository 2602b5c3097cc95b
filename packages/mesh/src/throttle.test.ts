import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Throttle } from './throttle.js';

/** A client that calls every `everyMs`; the server accepts the first `perSecond` calls of each second. */
function run(throttle: Throttle, everyMs: number, perSecond: number, fromMs: number, forMs: number) {
  const result = { sent: 0, refused: 0, accepted: 0 };
  let second = -1;
  let left = 0;
  for (let nowMs = fromMs; nowMs < fromMs + forMs; nowMs += everyMs) {
    if (Math.floor(nowMs / 1_000) !== second) {
      second = Math.floor(nowMs / 1_000);
      left = perSecond;
    }
    if (throttle.refuses(nowMs)) {
      result.refused++;
      continue;
    }
    result.sent++;
    const isAccepted = left-- > 0;
    if (isAccepted) result.accepted++;
    throttle.note(isAccepted ? 'accepted' : 'shed', nowMs);
  }
  return result;
}

/** Numbers without luck, from 0 to 1. */
function even(): () => number {
  let at = 0;
  return () => {
    at = (at + 0.618_033_988_75) % 1;
    return at;
  };
}

describe('the throttle', () => {
  it('does nothing while all is accepted, or half of it', () => {
    assert.equal(run(new Throttle(even()), 1, 1_000, 0, 5_000).refused, 0);
    const throttle = new Throttle(even());
    for (let nowMs = 0; nowMs < 5_000; nowMs++) {
      assert(!throttle.refuses(nowMs));
      throttle.note(nowMs % 2 === 0 ? 'accepted' : 'shed', nowMs);
    }
  });

  it('sends about twice of what is accepted when most is turned away', () => {
    const throttle = new Throttle(even());
    run(throttle, 1, 100, 0, 2_000);
    const { sent, accepted } = run(throttle, 1, 100, 2_000, 5_000);
    assert.equal(accepted, 500);
    assert(sent < 3.5 * accepted, `${sent} sent for ${accepted}`);
  });

  it('still asks now and then when nothing is accepted', () => {
    const { sent } = run(new Throttle(even()), 1, 0, 0, 5_000);
    assert(sent > 20 && sent < 500, `${sent}`);
  });

  it('is over two seconds after the overload', () => {
    const throttle = new Throttle(even());
    run(throttle, 1, 10, 0, 5_000);
    run(throttle, 10, 1_000, 5_000, 2_000);
    assert.equal(run(throttle, 10, 1_000, 7_000, 5_000).refused, 0);
  });

  it('takes no answer for a no, but only from a server that turns calls away', () => {
    const refusals = (sheds: number): number => {
      const throttle = new Throttle(even());
      let refused = 0;
      for (let call = 0; call < 200; call++) {
        if (throttle.refuses(call)) refused++;
        else throttle.note(call < sheds ? 'shed' : 'late', call);
      }
      return refused;
    };
    assert.equal(refusals(0), 0);
    assert(refusals(1) > 50);
  });

  it('leaves callers alone who call rarely', () => {
    assert.equal(run(new Throttle(even()), 120, 0, 0, 60_000).refused, 0);
  });

  it('never refuses more than the share that was turned away', () => {
    fc.assert(
      fc.property(fc.array(fc.boolean(), { minLength: 50, maxLength: 500 }), (answers) => {
        const throttle = new Throttle(() => 0.999_999);
        for (const [nowMs, isAccepted] of answers.entries()) throttle.note(isAccepted ? 'accepted' : 'shed', nowMs);
        // Dice that never fall: only certainty would refuse, and there is none.
        assert(!throttle.refuses(answers.length));
      }),
    );
  });
});
