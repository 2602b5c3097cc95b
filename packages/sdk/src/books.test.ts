import assert from 'node:assert/strict';
import { Outcome, SourceReport } from '@sluice/proto';
import fc from 'fast-check';
import { Books, type SourceBooks } from './books.js';

const outcomeOf = (outcome: Outcome, reason = '') => ({ outcome, reason });
const total = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((sum, one) => sum + one, 0);

function assertBalanced({ generated, accepted, duplicate, rejected, dropped, inSpool, inFlight }: SourceBooks): void {
  assert.equal(generated, accepted + duplicate + total(rejected) + total(dropped) + inSpool + inFlight);
  for (const count of [accepted, duplicate, inSpool, inFlight]) assert.ok(count >= 0, `${count}`);
}

const step = fc.oneof(
  fc.record({ do: fc.constant('take'), count: fc.integer({ min: 1, max: 20 }) }),
  fc.record({ do: fc.constantFrom('refuse', 'see again'), count: fc.integer({ min: 1, max: 5 }) }),
  fc.record({
    do: fc.constantFrom('spool', 'drop', 'settle', 'settle spooled'),
    count: fc.integer({ min: 1, max: 20 }),
  }),
);

function act(books: Books, { do: what, count }: { do: string; count: number }): void {
  const from = what === 'settle spooled' ? 'inSpool' : 'inFlight';
  const some = Math.min(count, books[from]);
  const outcomes = Array.from({ length: some }, (_, at) => outcomeOf(((at % 3) + 1) as Outcome, 'name: is empty'));
  if (what === 'take') for (let at = 0; at < count; at++) books.take();
  else if (what === 'refuse') books.refuse('queueFull');
  else if (what === 'see again') books.deduplicated += count;
  else if (what === 'spool') books.spool(some);
  else if (what === 'drop') books.drop('refused', some);
  else books.settle(outcomes.slice(count % 2), some, from);
}

describe('the books of a source', () => {
  it('balance whatever happens, and so do those that another process takes up', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(200), (steps, onDisk) => {
        const books = new Books('s');
        for (const one of steps) {
          act(books, one);
          assertBalanced(books.snapshot());
        }
        const report = SourceReport.fromJSON(JSON.parse(JSON.stringify(SourceReport.toJSON(books.report()))));
        const taken = Books.of('s', report);
        assert.deepEqual(total(taken.snapshot().dropped), total(books.snapshot().dropped));
        taken.recount(onDisk);
        assertBalanced(taken.snapshot());
        assert.equal(taken.snapshot().inSpool, onDisk);
        taken.drop('crashed', taken.inFlight);
        taken.settle([], onDisk, 'inSpool');
        assertBalanced(taken.snapshot());
      }),
      { numRuns: 500 },
    );
  });

  it('know each rejection by its field, and keep the kinds few', () => {
    const books = new Books('s');
    const reasons = ['name: is empty', 'user.custom[colour]: too long', 'user.custom[size]: too long', ''];
    for (let at = 0; at < 30; at++) reasons.push(`field_${at}: wrong`);
    for (const _ of reasons) books.take();
    const outcomes = reasons.map((reason) => outcomeOf(Outcome.REJECTED, reason));
    books.settle(outcomes, reasons.length, 'inFlight');
    const { rejected } = books.snapshot();
    assert.equal(rejected.name, 1);
    assert.equal(rejected['user.custom'], 2);
    assert.ok(Object.keys(rejected).length <= 21);
    assert.equal(total(rejected), reasons.length);
  });

  it('book what comes twice from disk as coming twice', () => {
    const books = new Books('s');
    for (let at = 0; at < 10; at++) books.take();
    books.spool(10);
    books.settle(Array(6).fill(outcomeOf(Outcome.ACCEPTED)), 6, 'inSpool');
    const taken = Books.of('s', books.report());
    // The segment was not deleted yet: all ten are still there.
    taken.recount(10);
    const again = [...Array(6).fill(outcomeOf(Outcome.DUPLICATE)), ...Array(4).fill(outcomeOf(Outcome.ACCEPTED))];
    taken.settle(again, 10, 'inSpool');
    const { generated, accepted, duplicate } = taken.snapshot();
    assert.deepEqual([generated, accepted, duplicate], [10, 4, 6]);
  });

  it('number reports upwards, over processes too', () => {
    const books = new Books('s');
    const numbers = [books.report().number, books.report().number, books.report().number];
    assert.ok((numbers[0] ?? 0) < (numbers[1] ?? 0) && (numbers[1] ?? 0) < (numbers[2] ?? 0));
    const stale = Books.of('s', { ...books.report(), number: 5 });
    assert.ok(stale.report().number >= (numbers[0] ?? 0));
  });
});
