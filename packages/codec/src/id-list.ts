import { DenseIdList, type IdList } from '@sluice/engine';

const keyLength = 8;

/**
 * An id list over its wire form: keys back to back. The table for look-ups is made at the first
 * one, because many holders never look.
 */
export class PackedIdList implements IdList {
  readonly keys: string;
  readonly idType: string;
  #table: DenseIdList | undefined;

  constructor(keys: string, idType: string) {
    this.keys = keys;
    this.idType = idType;
  }

  has(key: string): boolean {
    this.#table ??= tableOf(this.keys);
    return this.#table.has(key);
  }
}

function tableOf(keys: string): DenseIdList {
  const table = new DenseIdList();
  for (let start = 0; start + keyLength <= keys.length; start += keyLength) {
    table.add(keys.slice(start, start + keyLength));
  }
  return table;
}
