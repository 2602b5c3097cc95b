/** Messages in longer spellings than encoders choose, which the wire format allows; for tests. */
import type { MessageDescription } from '../wire/wire-fields.js';

/**
 * The same message, each tag, length and number with as many bytes more as `extra` says.
 * @param bytes as an encoder makes them
 */
export function stretch(bytes: Uint8Array, { fields }: MessageDescription, extra: () => number): Buffer {
  const parts: Buffer[] = [];
  let at = 0;
  const read = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++] ?? 0;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (count: number): Uint8Array => {
    at += count;
    return bytes.subarray(at - count, at);
  };
  while (at < bytes.length) {
    const tag = read();
    parts.push(varint(tag, extra()));
    const wireType = Number(tag & 7n);
    if (wireType === 0) parts.push(varint(read(), extra()));
    else if (wireType === 1) parts.push(Buffer.from(take(8)));
    else {
      const content = take(Number(read()));
      const type = fields[Number(tag >> 3n)]?.type;
      const inner = typeof type === 'object' ? stretch(content, type, extra) : Buffer.from(content);
      parts.push(varint(BigInt(inner.length), extra()), inner);
    }
  }
  return Buffer.concat(parts);
}

const bytesMax = 10;

function varint(value: bigint, extra: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; bytes.length === 0 || left > 0n; left >>= 7n) bytes.push(Number(left & 0x7fn));
  const width = Math.min(bytes.length + extra, bytesMax);
  while (bytes.length < width) bytes.push(0);
  return Buffer.from(bytes.map((byte, place) => (place < bytes.length - 1 ? byte | 0x80 : byte)));
}
