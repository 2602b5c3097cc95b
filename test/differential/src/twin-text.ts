/** How the reference writes JSON: spelled numbers of documents, and arrays of users. */
import type { Json } from './document.js';

/** The JSON text of an element of a target list; strings as they are. */
export function elementText(value: Json): string {
  return typeof value === 'string' ? value : canonicalText(value);
}

/** Compact JSON; whole numbers that a user hands over are integers only inside 32 bits. */
export function canonicalText(value: unknown): string {
  if (typeof value === 'number') return userNumber(value);
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  if ('spelled' in value) return spelledNumber(String(value.spelled));
  return `{${Object.entries(value)
    .map(([key, member]) => `${JSON.stringify(key)}:${canonicalText(member)}`)
    .join(',')}}`;
}

function userNumber(value: number): string {
  const isSmall = Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 32;
  return isSmall ? String(value) : floatText(value);
}

/** Numbers of documents: integers stay as they are, as far as 64 bits go. */
export function spelledNumber(text: string): string {
  if (/^-?\d+$/.test(text) && text !== '-0') {
    const whole = BigInt(text);
    if (whole >= -(2n ** 63n) && whole < 2n ** 64n) return text;
  }
  return floatText(Number(text));
}

function floatText(value: number): string {
  if (Object.is(value, -0)) return '-0.0';
  const size = Math.abs(value);
  if (size >= 1e16 || size < 1e-5) return value === 0 ? '0.0' : value.toExponential().replace('e+', 'e');
  const text = String(value);
  if (text.includes('e')) return value.toFixed(20).replace(/0+$/, '');
  return text.includes('.') ? text : `${text}.0`;
}
