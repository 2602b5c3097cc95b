import { RecentTexts } from './recent-texts.js';
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

/** Patches that a small ruleset takes before its names are made anew. */
const patchedMin = 4096;

/**
 * What a program shares with the programs patched from it: slots, and value sources by what they read.
 * It only grows; a program looks slots up in arrays of its own, so an old one does not notice. After as
 * many patched entities as it began with it is given up, with what has gone out of use meanwhile.
 */
export class Names {
  readonly gates = new SlotTable();
  readonly configs = new SlotTable();
  readonly layers = new SlotTable();
  readonly conditions = new SlotTable();
  readonly #fields = new Map<string, FieldSource>();
  readonly #recent = new Map<string, RecentTexts>();
  readonly #units = new Map<string, UnitSource>();
  readonly #buckets = new Map<string, BucketSource>();
  #begun = 0;
  #patched = 0;

  /** How many entities there are to begin with. */
  begin(entities: number): void {
    this.#begun = entities;
  }

  /** One more entity was compiled later on. */
  wear(): void {
    this.#patched++;
  }

  get isWorn(): boolean {
    return this.#patched > patchedMin + this.#begun;
  }

  field(name: string): FieldSource {
    return intern(this.#fields, name, () => new FieldSource(name, this.#recentOf(name)));
  }

  unit(idType: string): UnitSource {
    return intern(this.#units, idType, () => new UnitSource(idType, this.#recentOf(idType)));
  }

  /** An attribute and a unit of the same name have mostly the same texts. */
  #recentOf(name: string): RecentTexts {
    return intern(this.#recent, name.toLowerCase(), () => new RecentTexts());
  }

  bucket(salt: string, idType: string): BucketSource {
    const make = () => new BucketSource(salt, this.unit(idType));
    return intern(this.#buckets, `${idType.length}:${idType}${salt}`, make);
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
