import assert from 'node:assert/strict';
import fc from 'fast-check';
import { orderOf, pageOf, pageSizeOf, tokenOf } from './paging.js';
import { refusal } from './test/heads.js';

const anything = /^/;
const itself = (text: string): string => text;

/** All pages, one after the other, by the tokens that the answers give. */
function* pages(items: readonly string[], size: number): Generator<readonly string[]> {
  let token = '';
  do {
    const page = pageOf(items, itself, orderOf(token, anything), size);
    yield page.items;
    token = page.nextPageToken;
  } while (token !== '');
}

describe('pages', () => {
  const lists = fc.uniqueArray(fc.string({ unit: 'grapheme', minLength: 1 })).map((items) => items.sort());

  it('hold everything once, in order, and are full but for the last', () => {
    fc.assert(
      fc.property(lists, fc.integer({ min: 1, max: 5 }), (items, size) => {
        const all = [...pages(items, size)];
        assert.deepEqual(all.flat(), items);
        for (const page of all.slice(0, -1)) assert.equal(page.length, size);
        assert.equal(all.length, Math.max(1, Math.ceil(items.length / size)));
      }),
    );
  });

  it('go on after what was taken away meanwhile', () => {
    const { nextPageToken } = pageOf(['a', 'b', 'c', 'd'], itself, undefined, 2);
    assert.deepEqual(pageOf(['a', 'c', 'd'], itself, orderOf(nextPageToken, anything), 2), {
      items: ['c', 'd'],
      nextPageToken: '',
    });
  });
});

describe('the size of a page', () => {
  it('is the usual one unless asked for, and has a limit', () => {
    assert.deepEqual([pageSizeOf(0, 50, 200), pageSizeOf(1, 50, 200), pageSizeOf(200, 50, 200)], [50, 1, 200]);
    assert.throws(() => pageSizeOf(201, 50, 200), refusal('invalid', 'page_size', /is 201; it must be at most 200/));
  });
});

describe('a page token', () => {
  it('stands for a place in the order', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (order) => {
        assert.equal(orderOf(tokenOf(order), anything), order);
      }),
    );
    assert.equal(orderOf('', anything), undefined);
  });

  it('is refused when nobody gave it', () => {
    const made = tokenOf('12');
    for (const wrong of [
      `${made}=`,
      `${made} `,
      '!',
      'é',
      tokenOf('12x'),
      tokenOf('x'),
      Buffer.of(0xff).toString('base64url'),
    ]) {
      assert.throws(
        () => orderOf(wrong, /^\d{1,15}$/),
        refusal('invalid', 'page_token', /leave it empty to start over/),
        wrong,
      );
    }
    assert.equal(orderOf(made, /^\d{1,15}$/), '12');
  });
});
