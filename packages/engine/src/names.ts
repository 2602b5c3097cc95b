import { BucketSource, FieldSource, UnitSource } from './sources.js';

/** Numbers for names, handed out once and never again, so that compiled references are array indexes. */
export class SlotTable {
  readonly #slots = new Map<string, number>();

  get size(): number {
    return this.#slots.size;
  }

  /** The slot of a name, new if need be. */
  take(name: string): number {
    let slot = this.#slots.get(name);
    if (slot === undefined) {
      slot = this.#slots.size;
      this.#slots.set(name, slot);
    }
    return slot;
  }

  find(name: string): number | undefined {
    return this.#slots.get(name);
  }
}

/**
 * What a program shares with the programs patched from it: slots, and value sources by what they read.
 * It only grows; a program looks slots up in arrays of its own, so an old one does not notice.
 */
export class Names {
  readonly gates = new SlotTable();
  readonly configs = new SlotTable();
  readonly layers = new SlotTable();
  readonly conditions = new SlotTable();
  readonly #fields = new Map<string, FieldSource>();
  readonly #units = new Map<string, UnitSource>();
  readonly #buckets = new Map<string, BucketSource>();
  /** By condition slot: the stamp of the evaluation that last decided it, and what it decided. */
  stamps = new Float64Array(16);
  outcomes = new Uint8Array(16);

  field(name: string): FieldSource {
    return intern(this.#fields, name, () => new FieldSource(name));
  }

  unit(idType: string): UnitSource {
    return intern(this.#units, idType, () => new UnitSource(idType));
  }

  bucket(salt: string, idType: string): BucketSource {
    const make = () => new BucketSource(salt, this.unit(idType));
    return intern(this.#buckets, `${idType.length}:${idType}${salt}`, make);
  }

  /** Makes room to remember the outcome of every condition known by now. */
  fit(): void {
    const size = this.conditions.size;
    if (this.stamps.length >= size) return;
    // Outcomes in flight are forgotten, which is only a little work twice.
    this.stamps = new Float64Array(size + (size >> 2));
    this.outcomes = new Uint8Array(size + (size >> 2));
  }
}

function intern<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  let value = map.get(key);
  if (value === undefined) {
    value = make();
    map.set(key, value);
  }
  return value;
}
