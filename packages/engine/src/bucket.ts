/** Buckets, list keys and name hashes: everything that SHA-256 and djb2 are used for. */
import { EncodedText, emptyPrefix, type HashPrefix, hashPrefixed } from './sha256.js';

const base64Digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const scratch = new EncodedText();

/** (first 8 bytes of SHA-256 of prefix + unit, as an unsigned integer) mod `modulus`, which is at most 10000. */
export function bucket(prefix: HashPrefix, unit: EncodedText, modulus: number): number {
  const words = hashPrefixed(prefix, unit);
  const high = words[0] as number;
  const low = words[1] as number;
  // Sixteen bits at a time: 9999 × 2^16 + 2^16 < 2^31, so that every step is a division of small integers.
  let rest = (high >>> 16) % modulus;
  rest = ((rest << 16) | (high & 0xffff)) % modulus;
  rest = ((rest << 16) | (low >>> 16)) % modulus;
  return ((rest << 16) | (low & 0xffff)) % modulus;
}

/** `bucket` from texts: `bucketOf('spec salt.rule salt.unit', 10000)`. */
export function bucketOf(text: string, modulus: number): number {
  scratch.write(text);
  return bucket(emptyPrefix, scratch, modulus);
}

/** The bucket, of 10,000, that decides a pass percentage: the unit passes below `percentage × 100`. */
export function passBucketOf(specSalt: string, ruleSalt: string, unitId: string): number {
  return bucketOf(`${specSalt}.${ruleSalt}.${unitId}`, 10_000);
}

/** The bucket, of 1,000, that `user_bucket` conditions compare. */
export function userBucketOf(salt: string, unitId: string): number {
  return bucketOf(`${salt}.${unitId}`, 1000);
}

/** Key of a unit in an id list: the first 8 characters of Base64 of its SHA-256. */
export function idListKey(unitId: string): string {
  scratch.write(unitId);
  const words = hashPrefixed(emptyPrefix, scratch);
  return base64Of(words, 8);
}

/** Base64 of SHA-256 of a text, with padding. */
export function sha256Base64(text: string): string {
  scratch.write(text);
  return `${base64Of(hashPrefixed(emptyPrefix, scratch), 43)}=`;
}

function base64Of(words: Int32Array, length: number): string {
  let text = '';
  for (let i = 0; i < length; i++) {
    const bit = i * 6;
    const word = words[bit >> 5] ?? 0;
    const room = 26 - (bit & 31);
    const next = words[(bit >> 5) + 1] ?? 0;
    const digit = room >= 0 ? word >>> room : (word << -room) | (next >>> (32 + room));
    text += base64Digits[digit & 63];
  }
  return text;
}

/** djb2 over code points, in decimal: how client responses hide names. */
export function djb2(text: string): string {
  let hash = 0;
  for (const character of text) hash = (Math.imul(hash, 31) + (character.codePointAt(0) ?? 0)) | 0;
  return String(hash >>> 0);
}
