/** The twin's values and operators: as plain as the rule book, with no thought of speed. */
import { createHash } from 'node:crypto';
import { canonicalText } from './twin-text.js';

/** First eight bytes of SHA-256, as an unsigned integer. */
export function hash(text: string): bigint {
  return createHash('sha256').update(text).digest().readBigUInt64BE(0);
}

export function listKey(text: string): string {
  return createHash('sha256').update(text).digest('base64').slice(0, 8);
}

/** A user-side value in all its views; undefined where it has none. */
export interface Views {
  readonly raw: unknown;
  readonly text?: string | undefined;
  readonly float?: number | undefined;
  readonly int?: bigint | undefined;
  readonly time?: bigint | undefined;
}

/** The current time: an integer and nothing else. */
export function timeViews(now: number): Views {
  return { raw: undefined, int: BigInt(now) };
}

export function views(raw: unknown): Views {
  if (typeof raw === 'boolean') return { raw, text: String(raw) };
  if (typeof raw === 'number')
    return Number.isFinite(raw)
      ? { raw, text: plainNumber(raw), float: raw, int: wholeNumber(raw) }
      : { raw: undefined };
  if (typeof raw === 'string')
    return { raw, text: raw, float: readFloat(raw), int: readInt(raw), time: readUserTime(raw) };
  if (Array.isArray(raw)) return { raw, text: canonicalText(raw) };
  return { raw: raw ?? undefined };
}

function plainNumber(value: number): string {
  if (Object.is(value, -0)) return '-0';
  const text = String(value);
  if (!text.includes('e')) return text;
  if (Math.abs(value) >= 1) return BigInt(value).toString() === text ? text : exact(text);
  return exact(text);
}

/** Moves the point of `d.ddde±x` by hand. */
function exact(text: string): string {
  const [mantissa = '', power = '0'] = text.replace('-', text.startsWith('-') ? '' : '-').split('e');
  const sign = text.startsWith('-') ? '-' : '';
  const [whole = '', fraction = ''] = mantissa.split('.');
  let shift = Number(power);
  let digits = whole + fraction;
  let point = whole.length;
  while (shift > 0) {
    point++;
    shift--;
    if (point > digits.length) digits += '0';
  }
  while (shift < 0) {
    point--;
    shift++;
    if (point < 1) {
      digits = `0${digits}`;
      point = 1;
    }
  }
  const tail = digits.slice(point);
  return sign + digits.slice(0, point) + (tail === '' ? '' : `.${tail}`);
}

function wholeNumber(value: number): bigint | undefined {
  if (!Number.isInteger(value)) return undefined;
  const whole = BigInt(value);
  const max = 2n ** 63n;
  if (whole === max) return max - 1n;
  return whole >= -max && whole < max ? whole : undefined;
}

export function readFloat(text: string): number | undefined {
  if (/^[+-]?(inf|infinity|nan)$/i.test(text)) {
    if (/nan/i.test(text)) return Number.NaN;
    return text.startsWith('-') ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  }
  return /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(text) ? Number(text) : undefined;
}

export function readInt(text: string): bigint | undefined {
  if (!/^[+-]?\d+$/.test(text)) return undefined;
  const value = BigInt(text.replace('+', ''));
  return value >= -(2n ** 63n) && value < 2n ** 63n ? value : undefined;
}

function readUserTime(text: string): bigint | undefined {
  const whole = readInt(text);
  if (whole !== undefined) return whole;
  const bytes = Buffer.byteLength(text);
  if (bytes < 8 || bytes > 20 || !/[-T:]/.test(text)) return undefined;
  return readDate(text);
}

export function readTargetTime(text: string): bigint | undefined {
  return readInt(text) ?? readDate(text);
}

function readDate(text: string): bigint | undefined {
  const zoned = /^(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(\.\d+)?(?:[Zz]|([+\u2212-])(\d\d):(\d\d))$/.exec(text);
  // Space may stand before each number; a day takes both of its digits.
  const plain = /^\s*([+-]\d+|\d{1,4})-\s*(\d{1,2})-\s*(\d\d|\d(?!\d))\s*(\d{1,2}):\s*(\d{1,2}):\s*(\d{1,2})$/.exec(
    text,
  );
  const match = zoned ?? plain;
  if (match === null) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number);
  if (Number(match[9] ?? 0) > 23 || Number(match[10] ?? 0) > 59) return undefined;
  const days = [
    31,
    year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28,
    31,
    30,
    31,
    30,
    31,
    31,
    30,
    31,
    30,
    31,
  ];
  if (month < 1 || month > 12 || day < 1 || day > (days[month - 1] ?? 0)) return undefined;
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const midnight = new Date(0);
  midnight.setUTCFullYear(year, month - 1, day);
  const fraction = Math.trunc(Number(match[7] ?? 0) * 1000 + 1e-6);
  const offset = (match[8] === '+' ? 1 : -1) * (Number(match[9] ?? 0) * 60 + Number(match[10] ?? 0)) * 60_000;
  return BigInt(midnight.getTime() + ((hour * 60 + minute) * 60 + second) * 1000 + fraction - offset);
}
