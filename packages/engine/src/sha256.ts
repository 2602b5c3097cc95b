/**
 * SHA-256 for short texts that share a prefix. The platform's hash costs several times more per call
 * than these rounds in plain JavaScript, because it crosses into native code for one or two blocks.
 *
 * A prefix such as `<spec salt>.<rule salt>.` is digested once: whole blocks become a mid-state, the
 * rest is kept as big-endian words. A unit id is encoded once and shifted into place behind it.
 */

const roundConstants = makeRoundConstants();
const initialState: readonly number[] = makeInitialState();

/** Fractions of the roots of the first primes, as the standard defines them. */
function primeRoots(count: number, root: (n: number) => number): number[] {
  const words: number[] = [];
  for (let n = 2; words.length < count; n++) {
    let isPrime = true;
    for (let d = 2; d * d <= n; d++) if (n % d === 0) isPrime = false;
    if (isPrime) words.push(((root(n) % 1) * 2 ** 32) | 0);
  }
  return words;
}

function makeRoundConstants(): Int32Array {
  return Int32Array.from(primeRoots(64, Math.cbrt));
}

function makeInitialState(): number[] {
  return primeRoots(8, Math.sqrt);
}

/** A text as UTF-8 in big-endian words. Reused: writing replaces what was held. */
export class EncodedText {
  /** UTF-8 bytes held. */
  length = 0;
  words = new Int32Array(32);

  /** Replaces the content; lone surrogates become U+FFFD. */
  write(text: string): void {
    const bytesMax = text.length * 3;
    if (bytesMax > this.words.length * 4) this.words = new Int32Array(bytesMax >> 1);
    const words = this.words;
    let word = 0;
    let at = 0;
    for (let i = 0; i < text.length; i++) {
      const code = text.charCodeAt(i);
      if (code >= 0x80) {
        this.#writeWide(text);
        return;
      }
      word = (word << 8) | code;
      if ((++at & 3) === 0) words[(at >> 2) - 1] = word;
    }
    if ((at & 3) !== 0) words[at >> 2] = word << ((4 - (at & 3)) << 3);
    this.length = at;
  }

  #writeWide(text: string): void {
    this.words.fill(0);
    this.length = 0;
    for (const character of text) {
      const code = character.codePointAt(0) ?? 0;
      if (code < 0x80) this.#push(code);
      else if (code < 0x800) this.#pushTail(0xc0 | (code >> 6), code, 1);
      else if (code >= 0xd800 && code <= 0xdfff) this.#pushTail(0xef, 0xfffd, 2);
      else if (code < 0x10000) this.#pushTail(0xe0 | (code >> 12), code, 2);
      else this.#pushTail(0xf0 | (code >> 18), code, 3);
    }
  }

  #pushTail(lead: number, code: number, count: number): void {
    this.#push(lead);
    for (let shift = (count - 1) * 6; shift >= 0; shift -= 6) this.#push(0x80 | ((code >> shift) & 0x3f));
  }

  #push(byte: number): void {
    const at = this.length++;
    this.words[at >> 2] = (this.words[at >> 2] ?? 0) | (byte << ((3 - (at & 3)) << 3));
  }
}

/** The start of a hashed text, digested once. */
export class HashPrefix {
  readonly state: readonly number[];
  /** Bytes behind the last whole block, as big-endian words. */
  readonly tail: readonly number[];
  readonly tailLength: number;
  readonly length: number;

  constructor(text: string) {
    const encoded = new EncodedText();
    encoded.write(text);
    const blocks = encoded.length >> 6;
    const state = Int32Array.from(initialState);
    for (let block = 0; block < blocks; block++) compress(state, encoded.words, block << 4);
    this.length = encoded.length;
    this.tailLength = encoded.length & 63;
    // Plain arrays of small integers: a typed array costs 200 bytes before its first element.
    this.state = blocks === 0 ? initialState : Array.from(state);
    this.tail = Array.from(encoded.words.subarray(blocks << 4, (blocks << 4) + ((this.tailLength + 3) >> 2)));
  }
}

/** The empty prefix. */
export const emptyPrefix = new HashPrefix('');

const digest = new Int32Array(8);
const schedule = new Int32Array(64);
let message = new Int32Array(64);

/** SHA-256 of prefix + text. The eight words are valid until the next call. */
export function hashPrefixed(prefix: HashPrefix, text: EncodedText): Int32Array {
  const tailLength = prefix.tailLength;
  const length = tailLength + text.length;
  const blocks = (length + 72) >> 6;
  if (message.length < blocks << 4) message = new Int32Array(blocks << 5);
  layOut(prefix, text, length, blocks);
  const words = message;
  words[(blocks << 4) - 1] = (prefix.length + text.length) << 3;
  for (let i = 0; i < 8; i++) digest[i] = prefix.state[i] as number;
  for (let block = 0; block < blocks; block++) compress(digest, words, block << 4);
  return digest;
}

/** Writes tail, text and the closing bit into `message`. */
function layOut(prefix: HashPrefix, text: EncodedText, length: number, blocks: number): void {
  const words = message;
  const tail = prefix.tail;
  const source = text.words;
  const tailLength = prefix.tailLength;
  const end = blocks << 4;
  let at = 0;
  for (; at < tail.length; at++) words[at] = tail[at] as number;
  for (; at < end; at++) words[at] = 0;
  const count = (text.length + 3) >> 2;
  const shift = (tailLength & 3) << 3;
  let to = tailLength >> 2;
  if (shift === 0) {
    for (let i = 0; i < count; i++) words[to++] = source[i] as number;
  } else {
    for (let i = 0; i < count; i++) {
      const word = source[i] as number;
      words[to] = (words[to] as number) | (word >>> shift);
      words[++to] = word << (32 - shift);
    }
  }
  words[length >> 2] = (words[length >> 2] as number) | (0x80 << ((3 - (length & 3)) << 3));
}

/** Extends a block to the 64 words of its rounds. */
function expand(block: Int32Array, offset: number): Int32Array {
  const w = schedule;
  for (let i = 0; i < 16; i++) w[i] = block[offset + i] as number;
  for (let i = 16; i < 64; i++) {
    const x = w[i - 15] as number;
    const y = w[i - 2] as number;
    const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
    const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
    w[i] = ((w[i - 16] as number) + s0 + (w[i - 7] as number) + s1) | 0;
  }
  return w;
}

/** One block. Unrolled by eight, after which the working variables are back in their places. */
function compress(state: Int32Array, block: Int32Array, offset: number): void {
  const w = expand(block, offset);
  const k = roundConstants;
  let a = state[0] as number;
  let b = state[1] as number;
  let c = state[2] as number;
  let d = state[3] as number;
  let e = state[4] as number;
  let f = state[5] as number;
  let g = state[6] as number;
  let h = state[7] as number;
  for (let i = 0; i < 64; i += 8) {
    h = (h + mixE(e) + (g ^ (e & (f ^ g))) + (k[i] as number) + (w[i] as number)) | 0;
    d = (d + h) | 0;
    h = (h + mixA(a) + ((a & b) | (c & (a | b)))) | 0;
    g = (g + mixE(d) + (f ^ (d & (e ^ f))) + (k[i + 1] as number) + (w[i + 1] as number)) | 0;
    c = (c + g) | 0;
    g = (g + mixA(h) + ((h & a) | (b & (h | a)))) | 0;
    f = (f + mixE(c) + (e ^ (c & (d ^ e))) + (k[i + 2] as number) + (w[i + 2] as number)) | 0;
    b = (b + f) | 0;
    f = (f + mixA(g) + ((g & h) | (a & (g | h)))) | 0;
    e = (e + mixE(b) + (d ^ (b & (c ^ d))) + (k[i + 3] as number) + (w[i + 3] as number)) | 0;
    a = (a + e) | 0;
    e = (e + mixA(f) + ((f & g) | (h & (f | g)))) | 0;
    d = (d + mixE(a) + (c ^ (a & (b ^ c))) + (k[i + 4] as number) + (w[i + 4] as number)) | 0;
    h = (h + d) | 0;
    d = (d + mixA(e) + ((e & f) | (g & (e | f)))) | 0;
    c = (c + mixE(h) + (b ^ (h & (a ^ b))) + (k[i + 5] as number) + (w[i + 5] as number)) | 0;
    g = (g + c) | 0;
    c = (c + mixA(d) + ((d & e) | (f & (d | e)))) | 0;
    b = (b + mixE(g) + (a ^ (g & (h ^ a))) + (k[i + 6] as number) + (w[i + 6] as number)) | 0;
    f = (f + b) | 0;
    b = (b + mixA(c) + ((c & d) | (e & (c | d)))) | 0;
    a = (a + mixE(f) + (h ^ (f & (g ^ h))) + (k[i + 7] as number) + (w[i + 7] as number)) | 0;
    e = (e + a) | 0;
    a = (a + mixA(b) + ((b & c) | (d & (b | c)))) | 0;
  }
  state[0] = ((state[0] as number) + a) | 0;
  state[1] = ((state[1] as number) + b) | 0;
  state[2] = ((state[2] as number) + c) | 0;
  state[3] = ((state[3] as number) + d) | 0;
  state[4] = ((state[4] as number) + e) | 0;
  state[5] = ((state[5] as number) + f) | 0;
  state[6] = ((state[6] as number) + g) | 0;
  state[7] = ((state[7] as number) + h) | 0;
}

function mixA(a: number): number {
  return ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
}

function mixE(e: number): number {
  return ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
}
