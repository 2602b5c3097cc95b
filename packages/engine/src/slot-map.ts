import type { SlotTable } from './names.js';

/** Entries by name in the order of their slots, without a table of their own. */
export class SlotMap<Value extends { readonly name: string }> implements ReadonlyMap<string, Value> {
  readonly #table: SlotTable;
  readonly #values: readonly (Value | undefined)[];
  readonly size: number;

  /** `values` by slot; each is found under the name of its slot, which is its own. */
  constructor(table: SlotTable, values: readonly (Value | undefined)[]) {
    this.#table = table;
    this.#values = values;
    let size = 0;
    for (let i = 0; i < values.length; i++) if (values[i] !== undefined) size++;
    this.size = size;
  }

  get(name: string): Value | undefined {
    const slot = this.#table.find(name);
    return slot === undefined ? undefined : this.#values[slot];
  }

  has(name: string): boolean {
    return this.get(name) !== undefined;
  }

  *values(): MapIterator<Value> {
    for (const value of this.#values) if (value !== undefined) yield value;
  }

  *keys(): MapIterator<string> {
    for (const { name } of this.values()) yield name;
  }

  *entries(): MapIterator<[string, Value]> {
    for (const value of this.values()) yield [value.name, value];
  }

  [Symbol.iterator](): MapIterator<[string, Value]> {
    return this.entries();
  }

  forEach(visit: (value: Value, name: string, map: ReadonlyMap<string, Value>) => void): void {
    for (const value of this.values()) visit(value, value.name, this);
  }
}
