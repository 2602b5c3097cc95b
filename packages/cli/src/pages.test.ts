import assert from 'node:assert/strict';
import { readPages } from './pages.js';

describe('pages', () => {
  it('are read to the last one', async () => {
    const asked: string[] = [];
    const pages = await readPages(async (token) => {
      asked.push(token);
      return { items: [asked.length], nextPageToken: asked.length < 3 ? `after-${asked.length}` : '' };
    });
    assert.deepEqual(asked, ['', 'after-1', 'after-2']);
    assert.deepEqual(
      pages.flatMap(({ items }) => items),
      [1, 2, 3],
    );
  });

  it('that never end are refused rather than cut off', async () => {
    await assert.rejects(
      readPages(async () => ({ nextPageToken: 'more' })),
      { kind: 'exhausted', message: /more than 1000 pages/ },
    );
  });
});
