/**
 * Texts that are surely as they should be, told from their bytes, which are ASCII without NUL; pure. Each
 * answers `false` when in doubt: then the text is decoded and judged.
 */

import { DistinctKeys } from './distinct-keys.js';

const dash = 0x2d;
const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const point = 0x2e;
const zero = 0x30;
const nine = 0x39;

const isHex = Uint8Array.from({ length: 256 }, (_, byte) => (/[\da-f]/.test(String.fromCharCode(byte)) ? 1 : 0));
const isDigit = (byte: number): boolean => byte >= zero && byte <= nine;

/** Whether there are dashes in these places, and small hexadecimal digits in all others. */
function isHexWithDashes(bytes: Uint8Array, from: number, to: number, dashes: readonly number[]): boolean {
  let next = 0;
  for (let at = from; at < to; at++) {
    const byte = bytes[at] ?? 0;
    if (at - from === dashes[next]) {
      if (byte !== dash) return false;
      next++;
    } else if (isHex[byte] === 0) return false;
  }
  return true;
}

const uuidDashes = [8, 13, 18, 23];

/** A UUID in lower case; one that begins with 0000 is left in doubt, as it may be nil. */
export function isUuid(bytes: Uint8Array, from: number, to: number): boolean {
  if (to - from !== 36) return false;
  if (bytes[from] === zero && bytes[from + 1] === zero && bytes[from + 2] === zero && bytes[from + 3] === zero)
    return false;
  return isHexWithDashes(bytes, from, to, uuidDashes);
}

const traceparentDashes = [2, 35, 52];

/** A W3C traceparent. */
export function isTraceparent(bytes: Uint8Array, from: number, to: number): boolean {
  return to - from === 55 && isHexWithDashes(bytes, from, to, traceparentDashes);
}

/** Any decimal of so many digits comes out of a double as it went in. */
const digitsMax = 15;

/**
 * Whether this is JSON of an object without objects or arrays in it, spelled as `JSON.stringify` spells
 * it: no white space, no escapes, no key twice, none that looks like a number.
 */
export function isPlainObject(bytes: Uint8Array, from: number, to: number): boolean {
  if (bytes[from] !== 0x7b || bytes[to - 1] !== 0x7d || to - from < 2) return false;
  return to - from === 2 || new MemberScan(bytes, from + 1, to - 1).isSound();
}

/** A cursor over the members of an object. */
class MemberScan {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #at: number;
  readonly #keys: DistinctKeys;

  constructor(bytes: Uint8Array, from: number, end: number) {
    this.#bytes = bytes;
    this.#at = from;
    this.#end = end;
    this.#keys = new DistinctKeys(bytes);
  }

  isSound(): boolean {
    for (;;) {
      if (!this.#key() || !this.#take(colon) || !this.#value()) return false;
      if (this.#at === this.#end) return true;
      if (!this.#take(comma)) return false;
    }
  }

  #take(byte: number): boolean {
    return this.#at < this.#end && this.#bytes[this.#at++] === byte;
  }

  #key(): boolean {
    const from = this.#at;
    if (isDigit(this.#bytes[from + 1] ?? 0) || !this.#text()) return false;
    return this.#keys.add(from, this.#at);
  }

  #text(): boolean {
    if (!this.#take(quote)) return false;
    while (this.#at < this.#end) {
      const byte = this.#bytes[this.#at++] ?? 0;
      if (byte === quote) return true;
      if (byte < 0x20 || byte === 0x5c) return false;
    }
    return false;
  }

  #value(): boolean {
    const byte = this.#bytes[this.#at] ?? 0;
    if (byte === quote) return this.#text();
    if (isDigit(byte) || byte === dash) return this.#number();
    return this.#word('true') || this.#word('false') || this.#word('null');
  }

  #word(word: string): boolean {
    if (this.#end - this.#at < word.length) return false;
    for (let at = 0; at < word.length; at++) if (this.#bytes[this.#at + at] !== word.charCodeAt(at)) return false;
    this.#at += word.length;
    return true;
  }

  /** No exponent, no zero that could be left out; small decimals would be spelled with an exponent. */
  #number(): boolean {
    if (this.#bytes[this.#at] === dash) this.#at++;
    const wholeFrom = this.#at;
    const whole = this.#digits();
    if (whole === 0 || whole > digitsMax) return false;
    const isZero = this.#bytes[wholeFrom] === zero;
    if (isZero && whole > 1) return false;
    if (this.#bytes[this.#at] !== point) return !isZero || this.#bytes[wholeFrom - 1] !== dash;
    const from = ++this.#at;
    const fraction = this.#digits();
    if (fraction === 0 || whole + fraction > digitsMax || this.#bytes[this.#at - 1] === zero) return false;
    return !isZero || this.#bytes[from] !== zero;
  }

  #digits(): number {
    const from = this.#at;
    while (this.#at < this.#end && isDigit(this.#bytes[this.#at] ?? 0)) this.#at++;
    return this.#at - from;
  }
}
