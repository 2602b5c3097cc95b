import assert from 'node:assert/strict';
import { Outcome, SourceReport } from '@sluice/proto';
import { receiptKey, receiptOf } from './receipt.js';

const sourceId = '019a9f3e-8a6e-7c3b-9d53-1f2e3a4b5c6d';
const outcomeOf = (outcome: Outcome, reason = '') => ({ outcome, reason });
const outcomes = [
  outcomeOf(Outcome.ACCEPTED),
  outcomeOf(Outcome.DUPLICATE),
  outcomeOf(Outcome.REJECTED, 'name: is empty'),
  outcomeOf(Outcome.REJECTED, 'user.custom[a]: is long'),
  outcomeOf(Outcome.REJECTED, 'user.custom[b]: is long'),
];

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
