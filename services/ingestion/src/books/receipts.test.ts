import assert from 'node:assert/strict';
import { Receipt, SourceReport } from '@sluice/proto';
import { type Delivered, foldReceipts } from './receipts.js';

const receiptOf = (part: Partial<Receipt>): Receipt => ({ ...Receipt.fromPartial({ sourceId: 'a' }), ...part });

const deliver = (receipt: Receipt, part: Partial<Delivered> = {}): Delivered => ({
  ...{ project: 'shop', environment: 'production', region: 'us', receivedAtMs: 1_000, receipt },
  ...part,
});

describe('receipts of one batch', () => {
  it('come to one row for each source, in the order of the key', () => {
    const news = foldReceipts([
      deliver(receiptOf({ sourceId: 'b' })),
      deliver(receiptOf({ sourceId: 'a' }), { project: 'zoo' }),
      deliver(receiptOf({ sourceId: 'a' })),
      deliver(receiptOf({ sourceId: 'a' })),
    ]);
    assert.deepEqual(
      news.map(({ project, sourceId }) => `${project}/${sourceId}`),
      ['shop/a', 'shop/b', 'zoo/a'],
    );
  });

  it('add up what arrived, and what became of it', () => {
    const [news] = foldReceipts([
      deliver(receiptOf({ firstSequence: 1, events: 3, accepted: 2, rejected: { name: 1 } })),
      deliver(receiptOf({ firstSequence: 10, events: 2, accepted: 1, duplicate: 1, rejected: { name: 2, 'a\0b': 1 } })),
      deliver(receiptOf({ firstSequence: 0, events: 0 })),
    ]);
    assert.equal(news?.arrived, '{[1,4),[10,12)}');
    assert.deepEqual([news?.accepted, news?.duplicate], [3, 1]);
    assert.deepEqual(JSON.parse(news?.rejected ?? ''), { name: 3, ab: 1 });
  });

  it('join numbers that touch, in whatever order they come, and leave out what lies too scattered', () => {
    const numbered = (firstSequence: number) => deliver(receiptOf({ firstSequence, events: 2 }));
    const touching = Array.from({ length: 3_000 }, (_, at) => numbered(((at * 7) % 3_000) * 2 + 1));
    assert.equal(foldReceipts(touching)[0]?.arrived, '{[1,6001)}');
    const scattered = foldReceipts(Array.from({ length: 1_500 }, (_, at) => numbered(at * 3 + 1)));
    assert.equal(scattered[0]?.arrived.split('),').length, 1_000);
  });

  it('keep the report with the highest number, whichever came last, and where it was seen last', () => {
    const reportOf = (number: number) => SourceReport.fromPartial({ number, generated: number * 10 });
    const [news] = foldReceipts([
      deliver(receiptOf({ report: reportOf(2) }), { receivedAtMs: 3_000, region: 'eu' }),
      deliver(receiptOf({ report: reportOf(1) }), { receivedAtMs: 2_000 }),
    ]);
    assert.deepEqual([news?.reportNumber, news?.region, news?.lastSeenAtMs], [2, 'eu', 3_000]);
    assert.equal(SourceReport.decode(news?.report ?? Buffer.alloc(0)).generated, 20);
  });

  it('let nobody fill the books: few fields, short names, and no source without a name that can be kept', () => {
    const rejected = Object.fromEntries(Array.from({ length: 200 }, (_, at) => [`field ${at} ${'x'.repeat(100)}`, 1]));
    const [news] = foldReceipts([deliver(receiptOf({ rejected }))]);
    const fields: Record<string, number> = JSON.parse(news?.rejected ?? '');
    assert.equal(Object.keys(fields).length, 51);
    assert.equal(fields.other, 150);
    assert.ok(Object.keys(fields).every((field) => field.length <= 64));
    for (const sourceId of ['', 'x'.repeat(65), 'a\0b']) {
      assert.deepEqual(foldReceipts([deliver(receiptOf({ sourceId }))]), []);
    }
  });
});
