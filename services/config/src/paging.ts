import { invalid } from '@sluice/mesh';

/** One page of something, and where the next one starts. */
export interface Page<Item> {
  readonly items: Item[];
  /** Empty on the last page. */
  readonly nextPageToken: string;
}

/** How many things a page holds. @throws SluiceError `invalid` beyond `max`. */
export function pageSizeOf(asked: number, usual: number, max: number): number {
  if (asked > max) throw invalid('page_size', `is ${asked}; it must be at most ${max}`);
  return asked === 0 ? usual : asked;
}

/** A token that stands for "after this one" in a list ordered by text. */
export function tokenOf(order: string): string {
  return Buffer.from(order).toString('base64url');
}

/** What a token stands for; undefined at the start. @throws SluiceError `invalid` for a made-up token. */
export function orderOf(token: string, shape: RegExp): string | undefined {
  if (token === '') return undefined;
  const order = Buffer.from(token, 'base64url').toString();
  if (shape.test(order) && tokenOf(order) === token) return order;
  throw invalid('page_token', 'is not one that a previous answer gave; leave it empty to start over');
}

/** Before which revision a page of them starts, newest first; undefined at the newest. @throws SluiceError `invalid`. */
export function startOf(token: string, beforeRevision: number | undefined): number | undefined {
  const order = orderOf(token, /^\d{1,15}$/);
  return order === undefined ? beforeRevision : Number(order);
}

/** The page after `after` of things that are in order already, by a text that grows with them. */
export function pageOf<Item>(
  items: Iterable<Item>,
  orderOfItem: (item: Item) => string,
  after: string | undefined,
  size: number,
): Page<Item> {
  const page: Item[] = [];
  for (const item of items) {
    if (after !== undefined && orderOfItem(item) <= after) continue;
    if (page.length === size) return { items: page, nextPageToken: tokenOf(orderOfItem(page[size - 1] ?? item)) };
    page.push(item);
  }
  return { items: page, nextPageToken: '' };
}
