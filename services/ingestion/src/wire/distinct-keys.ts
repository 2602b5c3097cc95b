/** More keys of one map are not compared with each other. */
const keysMax = 16;

/** The keys of one map, as places in the bytes that it is read from: tells whether one comes twice. */
export class DistinctKeys {
  readonly #bytes: Uint8Array;
  /** Where keys begin and end. */
  readonly #places: number[] = [];

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** For the next map. */
  clear(): void {
    this.#places.length = 0;
  }

  /** @returns whether this key surely was not there before. */
  add(from: number, to: number): boolean {
    const places = this.#places;
    for (let at = 0; at < places.length; at += 2) {
      if (this.#isSame(places[at] ?? 0, places[at + 1] ?? 0, from, to)) return false;
    }
    return places.length < 2 * keysMax && places.push(from, to) > 0;
  }

  #isSame(from: number, to: number, otherFrom: number, otherTo: number): boolean {
    if (to - from !== otherTo - otherFrom) return false;
    for (let at = 0; at < to - from; at++) if (this.#bytes[from + at] !== this.#bytes[otherFrom + at]) return false;
    return true;
  }
}
