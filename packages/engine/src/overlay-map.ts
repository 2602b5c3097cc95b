/**
 * A map that shares its base with the map it was made from, so that changing a few of 10,000 entries
 * does not copy the others. Replaced entries keep their place, new ones come last.
 */
export class OverlayMap<Value> implements ReadonlyMap<string, Value> {
  readonly #base: ReadonlyMap<string, Value>;
  /** Changes against the base; undefined means removed. */
  readonly #changes: ReadonlyMap<string, Value | undefined>;
  readonly size: number;

  private constructor(base: ReadonlyMap<string, Value>, changes: ReadonlyMap<string, Value | undefined>, size: number) {
    this.#base = base;
    this.#changes = changes;
    this.size = size;
  }

  /** `map` with some entries replaced, added or (undefined) removed. `map` itself stays as it is. */
  static change<Value>(
    map: ReadonlyMap<string, Value>,
    changes: Iterable<readonly [string, Value | undefined]>,
  ): ReadonlyMap<string, Value> {
    const isOverlay = map instanceof OverlayMap;
    const base: ReadonlyMap<string, Value> = isOverlay ? map.#base : map;
    const merged = new Map<string, Value | undefined>(isOverlay ? map.#changes : []);
    let size = map.size;
    for (const [key, value] of changes) {
      const had = merged.has(key) ? merged.get(key) !== undefined : base.has(key);
      size += (value === undefined ? 0 : 1) - (had ? 1 : 0);
      // Only an entry of the base has to be remembered as removed.
      if (value === undefined && !base.has(key)) merged.delete(key);
      else merged.set(key, value);
    }
    const overlay = new OverlayMap(base, merged, size);
    // Copying now and then keeps the list of changes short: amortised, a change stays cheap.
    return merged.size > 64 + (base.size >> 3) ? new Map(overlay) : overlay;
  }

  has(key: string): boolean {
    return this.get(key) !== undefined;
  }

  get(key: string): Value | undefined {
    return this.#changes.has(key) ? this.#changes.get(key) : this.#base.get(key);
  }

  *entries(): MapIterator<[string, Value]> {
    for (const [key, value] of this.#base) {
      const current = this.#changes.has(key) ? this.#changes.get(key) : value;
      if (current !== undefined) yield [key, current];
    }
    for (const [key, value] of this.#changes) {
      if (value !== undefined && !this.#base.has(key)) yield [key, value];
    }
  }

  *keys(): MapIterator<string> {
    for (const [key] of this.entries()) yield key;
  }

  *values(): MapIterator<Value> {
    for (const [, value] of this.entries()) yield value;
  }

  [Symbol.iterator](): MapIterator<[string, Value]> {
    return this.entries();
  }

  forEach(visit: (value: Value, key: string, map: ReadonlyMap<string, Value>) => void): void {
    for (const [key, value] of this.entries()) visit(value, key, this);
  }
}
