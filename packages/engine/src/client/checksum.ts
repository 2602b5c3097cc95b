import { EncodedText, emptyPrefix, hashPrefixed } from '../sha256.js';
import type { JsonValue } from '../user.js';

/**
 * A number that stands for a response: equal for equal content, in whatever order its keys come. Unsigned
 * 64 bits in decimal, as the reference writes it; the reference's own number differs between machines, and
 * between two answers of one process, so that clients can do nothing with it but send it back.
 */
export function checksumOf(response: JsonValue): string {
  const text = new EncodedText();
  text.write(canonicalText(response));
  const [high = 0, low = 0] = hashPrefixed(emptyPrefix, text);
  return ((BigInt(high >>> 0) << 32n) | BigInt(low >>> 0)).toString();
}

/** JSON with sorted keys. */
function canonicalText(value: JsonValue): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonicalText).join()}]`;
  const members = Object.entries(value).sort(([left], [right]) => (left < right ? -1 : 1));
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${canonicalText(member)}`).join()}}`;
}
