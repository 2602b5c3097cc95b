import assert from 'node:assert/strict';
import { Outcome, SourceReport } from '@sluice/proto';
import { receiptKey, receiptsOf } from './receipt.js';

const sourceId = '019a9f3e-8a6e-7c3b-9d53-1f2e3a4b5c6d';
const outcomeOf = (outcome: Outcome, reason = '') => ({ outcome, reason });
const outcomes = [
  outcomeOf(Outcome.ACCEPTED),
  outcomeOf(Outcome.DUPLICATE),
  outcomeOf(Outcome.REJECTED, 'name: is empty'),
  outcomeOf(Outcome.REJECTED, 'user.custom[a]: is long'),
  outcomeOf(Outcome.REJECTED, 'user.custom[b]: is long'),
];

/** Of a whole request. */
const receiptOf = (told: Parameters<typeof receiptsOf>[0], of: Parameters<typeof receiptsOf>[1]) =>
  receiptsOf(told, of, [])(0, 0);

describe('a receipt', () => {
  it('says what became of the events of a source', () => {
    const report = SourceReport.fromPartial({ number: 7, generated: 5 });
    const receipt = receiptOf({ sourceId, sequence: 11, report }, outcomes);
    assert.deepEqual(receipt, {
      ...{ sourceId, firstSequence: 11, events: 5, accepted: 1, duplicate: 1 },
      ...{ rejected: { name: 1, 'user.custom': 2 }, report },
    });
  });

  it('is for those who keep books', () => assert.equal(receiptOf({}, outcomes), undefined));

  it('speaks of one part of the request, with what was not taken between the events of it', () => {
    const report = SourceReport.fromPartial({ number: 7, generated: 7 });
    const { ACCEPTED, DUPLICATE, REJECTED } = Outcome;
    const mixed = [REJECTED, ACCEPTED, DUPLICATE, ACCEPTED, ACCEPTED, REJECTED, DUPLICATE];
    const parts = receiptsOf(
      { sourceId, sequence: 11, report },
      mixed.map((outcome) => outcomeOf(outcome, outcome === REJECTED ? 'name: is empty' : '')),
      [1, 3, 4],
    );
    const [first, last] = [parts(0, 2), parts(2, 3)];
    assert.deepEqual(
      [first, last].map((part) => [part?.firstSequence, part?.events, part?.accepted, part?.duplicate]),
      [
        [11, 4, 2, 1],
        [15, 3, 1, 1],
      ],
    );
    assert.deepEqual([first?.rejected, last?.rejected], [{ name: 1 }, { name: 1 }]);
    assert.deepEqual([first?.report, last?.report], [undefined, report]);
  });

  it('may come without events, and is one of its own then', () => {
    const of = (number: number) => receiptOf({ sourceId, report: SourceReport.fromPartial({ number }) }, []);
    const [one, two] = [of(1), of(2)];
    assert(one && two);
    assert.deepEqual([one.firstSequence, one.events], [0, 0]);
    assert.notEqual(receiptKey(one), receiptKey(two));
  });

  it('is refused when it does not add up', () => {
    const long = { ...SourceReport.fromPartial({}), dropped: { ['x'.repeat(65)]: 1 } };
    assert.throws(() => receiptOf({ sourceId: 'mine', sequence: 1 }, outcomes), { message: /^source_id: / });
    assert.throws(() => receiptOf({ sourceId }, outcomes), { message: /^sequence: / });
    assert.throws(() => receiptOf({ sourceId, report: long }, []), { message: /^report.dropped: / });
  });
});
