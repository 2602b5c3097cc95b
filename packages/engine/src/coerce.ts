/**
 * The views of a user-side value. Every comparison asks for the view it needs; a view that a value
 * does not have is undefined, and then most comparisons are false.
 */

import { floatJsonText, numberText } from './number-text.js';
import { parseTimestamp } from './timestamp.js';

/** Integers: numbers where exact, else bigint. Mixed comparisons with `<` are exact in JavaScript. */
export type Integer = number | bigint;

/** A value with an integer view and nothing else: the current time. */
export class BareInteger {
  readonly value: number;

  constructor(value: number) {
    this.value = value;
  }
}

/** Levels of a user's arrays and objects that the reference takes. */
const levelsMax = 2048;

const int64Max = 2n ** 63n - 1n;
const int64Min = -(2n ** 63n);
const floatPattern = /^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/;
const wordFloatPattern = /^([+-]?)(?:(inf|infinity)|nan)$/i;
const integerPattern = /^[+-]?[0-9]+$/;

/** Missing: not there, null, or not JSON at all. */
export function isMissing(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (typeof value === 'number') return !Number.isFinite(value);
  return typeof value === 'function' || typeof value === 'symbol' || value instanceof BareInteger;
}

/** The text view. Objects have none. */
export function textOf(value: unknown): string | undefined {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      return Number.isFinite(value) ? numberText(value) : undefined;
    case 'boolean':
      return value ? 'true' : 'false';
    default:
      return Array.isArray(value) ? jsonText(value) : undefined;
  }
}

/** Compact JSON as the reference writes it; undefined where it is nested too deeply to be JSON. */
export function jsonText(value: unknown): string | undefined {
  return valueJsonText(value, 0);
}

function valueJsonText(value: unknown, depth: number): string | undefined {
  if (typeof value === 'string') return JSON.stringify(value);
  if (typeof value === 'boolean') return String(value);
  if (typeof value === 'number' && Number.isFinite(value)) return numberJsonText(value);
  if (typeof value !== 'object' || value === null) return 'null';
  if (depth >= levelsMax) return undefined;
  const parts: string[] = [];
  const isArray = Array.isArray(value);
  for (const [key, element] of Object.entries(value)) {
    const text = valueJsonText(element, depth + 1);
    if (text === undefined) return undefined;
    parts.push(isArray ? text : `${JSON.stringify(key)}:${text}`);
  }
  return isArray ? `[${parts.join(',')}]` : `{${parts.join(',')}}`;
}

/** The reference's binding hands 32-bit whole numbers over as integers and all others as floats. */
function numberJsonText(value: number): string {
  return Number.isInteger(value) && value >= -(2 ** 31) && value < 2 ** 32 ? String(value) : floatJsonText(value);
}

/** The number view of a user-side value. */
export function floatOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  return typeof value === 'string' ? parseFloatText(value) : undefined;
}

/** Stricter than `Number()`: no spaces, no hexadecimal, not empty. NaN is a value here. */
export function parseFloatText(text: string): number | undefined {
  if (floatPattern.test(text)) return Number(text);
  const word = wordFloatPattern.exec(text);
  if (word === null) return undefined;
  if (word[2] === undefined) return Number.NaN;
  return word[1] === '-' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
}

/** The signed 64-bit integer view of a user-side value. */
export function integerOf(value: unknown): Integer | undefined {
  if (typeof value === 'string') return parseIntegerText(value);
  if (value instanceof BareInteger) return value.value;
  if (typeof value !== 'number' || !Number.isInteger(value)) return undefined;
  // 2^63 itself is one too many, but the reference saturates it and finds it equal.
  if (value === 2 ** 63) return int64Max;
  return value >= -(2 ** 63) && value < 2 ** 63 ? value : undefined;
}

/** Optional sign and digits, inside signed 64 bits. */
export function parseIntegerText(text: string): Integer | undefined {
  if (!integerPattern.test(text)) return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  // Twenty characters hold any 64-bit integer; more are only in range when they are leading zeros.
  const exact = BigInt(text.startsWith('+') ? text.slice(1) : text);
  return exact >= int64Min && exact <= int64Max ? exact : undefined;
}

/** A float truncated to a signed 64-bit integer, saturating; NaN is 0. */
export function truncateFloat(value: number): Integer {
  if (Number.isNaN(value)) return 0;
  if (value >= 2 ** 63) return int64Max;
  if (value <= -(2 ** 63)) return int64Min;
  return Math.trunc(value);
}

/** The timestamp view of a user-side value: only strings have one. */
export function timestampOf(value: unknown): Integer | undefined {
  if (typeof value !== 'string') return undefined;
  return parseIntegerText(value) ?? parseUserTimestamp(value);
}

/** The reference looks at user texts only when they could be a short date, and counts bytes. */
function parseUserTimestamp(text: string): number | undefined {
  if (text.length > 20 || !/[-T:]/.test(text)) return undefined;
  const bytes = utf8Length(text);
  return bytes < 8 || bytes > 20 ? undefined : parseTimestamp(text);
}

function utf8Length(text: string): number {
  let bytes = text.length;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    // Each half of a pair is two bytes of four.
    if (code >= 0x80) bytes += code < 0x800 || (code >= 0xd800 && code < 0xe000) ? 1 : 2;
  }
  return bytes;
}
