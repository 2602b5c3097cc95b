/**
 * SHA-256 for short texts that share a prefix. The platform's hash costs several times more per call
 * than these rounds in plain JavaScript, because it crosses into native code for one or two blocks.
 *
 * A prefix such as `<spec salt>.<rule salt>.` is digested once: whole blocks become a mid-state, the
 * rest is kept as big-endian words. A unit id is encoded once and shifted into place behind it.
 */
import { compress, initialState } from './sha256-block.js';

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
