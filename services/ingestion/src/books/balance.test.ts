import assert from 'node:assert/strict';
import { InstanceBooks, RegionBooks, SourceBooks, SourceReport, StoreBooks } from '@sluice/proto';
import { type BooksInHand, problemsOf } from './balance.js';

const store = StoreBooks.fromPartial({ taken: 10, stored: 7, duplicate: 2, buried: 1 });
const report = SourceReport.fromPartial({
  ...{ generated: 20, accepted: 10, duplicate: 1, rejected: { name: 2 }, dropped: { deduplicated: 3, full: 1 } },
  ...{ spooled: 2, inFlight: 1, sequenced: 17, number: 4 },
});
const source = SourceBooks.fromPartial({ sourceId: 's', report, arrived: 13, missing: 4 });
const instance = InstanceBooks.fromPartial({
  region: 'us',
  instance: 'i',
  taken: 10,
  counters: { events_appended: 13, spool_events: 1, events_abandoned: 2 },
});
const region = RegionBooks.fromPartial({
  ...{ region: 'us', received: 20, accepted: 10, duplicate: 1, rejected: { name: 2, id: 1 } },
  ...{ dropped: { exhausted: 3 }, unverified: 2, inFlight: 1 },
});

function problems(part: Partial<BooksInHand> = {}): string[] {
  const books = { store, storedBefore: 7, regions: [region], instances: [instance], sources: [source] };
  return problemsOf({ ...books, isMoving: false, isWhole: true, isRetained: true, ...part });
}

describe('books', () => {
  it('balance when every event is somewhere', () => assert.deepEqual(problems(), []));

  it('do not when the store took more than it can account for', () => {
    const [problem = ''] = problems({ store: { ...store, stored: 6 } });
    assert.match(problem, /^store: 10 events were taken from the log, but 6 stored \+ 2 duplicate \+ 1 buried are 9$/);
  });

  it('do not when rows are missing, or are too many', () => {
    for (const recounted of [6, 8]) {
      const [problem = ''] = problems({ store: { ...store, recounted } });
      assert.match(problem, new RegExp(`7 events were booked as stored, but there are ${recounted} rows`));
    }
    assert.deepEqual(problems({ store: { ...store, recounted: 7 } }), []);
    assert.deepEqual(problems({ store: { ...store, recounted: 6 }, isRetained: false }), [], 'a day was dropped');
    assert.deepEqual(problems({ store: { ...store, recounted: 6 }, storedBefore: 6 }), [], 'rows came meanwhile');
    assert.equal(problems({ store: { ...store, recounted: 6 }, isMoving: true }).length, 1, 'traffic hides nothing');
  });

  it('do not when a region can not say what became of all that it received', () => {
    const [problem = ''] = problems({ regions: [{ ...region, received: 21 }] });
    assert.match(problem, /^us: received 21 events, but 10 accepted \+ 1 duplicate \+ 3 rejected .* in flight are 20$/);
  });

  it('do not when an instance gave the log what never came out of it', () => {
    const lost = [{ ...instance, counters: { ...instance.counters, events_appended: 15 } }];
    assert.match(problems({ instances: lost })[0] ?? '', /^us\/i: gave 12 events .*, but only 10 .*: 2 are lost$/);
    assert.deepEqual(problems({ instances: lost, isMoving: true }), []);
    assert.deepEqual(problems({ instances: lost, isWhole: false }), [], 'a filter leaves some of them out');
  });

  it('do not when a source contradicts itself', () => {
    const [problem = ''] = problems({ sources: [{ ...source, report: { ...report, generated: 21 } }] });
    assert.match(problem, /^source s: generated 21, but 10 accepted .* are 20$/);
  });

  it('do not when a source got answers for events that never arrived', () => {
    const [problem = ''] = problems({ sources: [{ ...source, arrived: 12, missing: 4 }] });
    assert.match(problem, /^source s: got answers for 13 events, but only 12 arrived at the store$/);
    assert.deepEqual(problems({ sources: [{ ...source, arrived: 12 }], isMoving: true }), []);
  });

  it('do not when numbers are missing that the source does not explain', () => {
    const [problem = ''] = problems({ sources: [{ ...source, missing: 10, gaps: ['3–12'] }] });
    assert.match(problem, /^source s: 10 of its events never came \(3–12\), and it speaks of only 7/);
  });

  it('take no drop for an explanation of numbers, when those events never got one', () => {
    const full = { ...report, generated: 27, dropped: { ...report.dropped, queueFull: 5, closed: 2 } };
    assert.deepEqual(problems({ sources: [{ ...source, report: full }] }), []);
    const found = problems({ sources: [{ ...source, report: full, arrived: 12, missing: 5 }] });
    assert.match(found.join(), /got answers for 13 .*5 of its events never came, and it speaks of only 4/);
  });

  it('say nothing of a source that has said nothing', () => {
    assert.deepEqual(problems({ sources: [SourceBooks.fromPartial({ sourceId: 's', missing: 9 })] }), []);
  });
});
