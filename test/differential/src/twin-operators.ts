/** The twin's operators, one after the other. Undefined: not supported. */
import { compilePattern } from '@sluice/engine';
import type { Json } from './document.js';
import { elementText, spelledNumber } from './twin-text.js';
import { listKey, readFloat, readTargetTime, type Views, views } from './twin-values.js';

interface Target {
  readonly raw: Json | undefined;
  readonly text: string | undefined;
  readonly float: number | undefined;
  readonly time: bigint | undefined;
  /** Lower-cased text → original text and place; later ones win. */
  readonly list: Map<string, { text: string; index: number }> | undefined;
  readonly object: Record<string, Json> | undefined;
}

function digest(raw: Json | undefined): Target {
  const isObject = typeof raw === 'object' && raw !== null && !Array.isArray(raw) && !('spelled' in raw);
  const number =
    typeof raw === 'number'
      ? raw
      : typeof raw === 'object' && raw !== null && 'spelled' in raw
        ? Number(raw.spelled)
        : undefined;
  const text = typeof raw === 'string' ? raw : undefined;
  let list: Target['list'];
  if (Array.isArray(raw)) {
    list = new Map();
    for (const [index, element] of raw.entries()) {
      // A plain number of the generator is written into the document by JavaScript.
      const spelledText = typeof element === 'number' ? spelledNumber(JSON.stringify(element)) : elementText(element);
      list.set(spelledText.toLowerCase(), { text: spelledText, index });
    }
  }
  return {
    raw,
    text,
    float: number ?? (text === undefined ? undefined : readFloat(text)),
    time: text === undefined ? undefined : readTargetTime(text),
    list,
    object: isObject ? (raw as Record<string, Json>) : undefined,
  };
}

/** Whether the value satisfies the operator; undefined when the operator is not supported. */
export function compare(
  operator: string,
  value: Views,
  rawTarget: Json | undefined,
  lists: ReadonlyMap<string, { has(key: string): boolean }>,
): boolean | undefined {
  const target = digest(rawTarget);
  if (['gt', 'gte', 'lt', 'lte'].includes(operator)) return compareNumbers(operator, value.float, target.float);
  if (operator.startsWith('version_')) return compareVersions(operator, value.text, target.text);
  if (['before', 'after', 'on'].includes(operator)) return compareTimes(operator, value, target);
  switch (operator) {
    case 'any':
      return isAny(value, target);
    case 'none':
      return !isAny(value, target);
    case 'any_case_sensitive':
      return isExact(value, target);
    case 'none_case_sensitive':
      return !isExact(value, target);
    case 'str_starts_with_any':
      return keysOf(target).some((key) => lower(value).startsWith(key));
    case 'str_ends_with_any':
      return keysOf(target).some((key) => lower(value).endsWith(key));
    case 'str_contains_any':
      return keysOf(target).some((key) => lower(value).includes(key));
    case 'str_contains_none':
      return !keysOf(target).some((key) => lower(value).includes(key));
    case 'str_matches':
      return matches(value.text, target.text);
    case 'eq':
      return isEqual(value, target);
    case 'neq':
      return !isEqual(value, target);
    case 'in_segment_list':
      return isListed(value.text, target.text, lists);
    case 'not_in_segment_list':
      return !isListed(value.text, target.text, lists);
    default:
      return compareArrays(operator, value.raw, target);
  }
}

function lower(value: Views): string {
  return (value.text ?? '').toLowerCase();
}

function keysOf(target: Target): string[] {
  return [...(target.list?.keys() ?? [])];
}

function isAny(value: Views, target: Target): boolean {
  if (target.object !== undefined) return Object.hasOwn(target.object, lower(value));
  return target.list?.has(lower(value)) === true;
}

function isExact(value: Views, target: Target): boolean {
  return [...(target.list?.values() ?? [])].some(({ text }) => text === (value.text ?? ''));
}

function matches(text: string | undefined, source: string | undefined): boolean {
  if (text === undefined || source === undefined) return false;
  const pattern = compilePattern(source);
  return 'problem' in pattern ? false : pattern.matches(text);
}

function compareNumbers(operator: string, left: number | undefined, right: number | undefined): boolean {
  if (left === undefined || right === undefined) return false;
  if (operator === 'gt') return left > right;
  if (operator === 'gte') return left >= right;
  return operator === 'lt' ? left < right : left <= right;
}

function compareVersions(operator: string, left: string | undefined, right: string | undefined): boolean | undefined {
  const outcomes: Record<string, (order: number) => boolean> = {
    version_gt: (order) => order > 0,
    version_gte: (order) => order >= 0,
    version_lt: (order) => order < 0,
    version_lte: (order) => order <= 0,
    version_eq: (order) => order === 0,
    version_neq: (order) => order !== 0,
  };
  const outcome = outcomes[operator];
  if (outcome === undefined) return undefined;
  if (left === undefined || right === undefined) return false;
  const parts = (text: string): string[] => (text.split('-')[0] ?? '').split('.');
  const lefts = parts(left);
  const rights = parts(right);
  for (let i = 0; i < Math.max(lefts.length, rights.length); i++) {
    const a = readPart(lefts[i] ?? '0');
    const b = readPart(rights[i] ?? '0');
    if (a === undefined || b === undefined) return false;
    if (a !== b) return outcome(a > b ? 1 : -1);
  }
  return outcome(0);
}

function readPart(text: string): bigint | undefined {
  const trimmed = text.trim();
  if (!/^[+-]?\d+$/.test(trimmed)) return undefined;
  const value = BigInt(trimmed.replace('+', ''));
  return value < 2n ** 127n ? value : undefined;
}

function compareTimes(operator: string, value: Views, target: Target): boolean {
  let left = value.time ?? value.int;
  const right = target.time ?? truncate(target.float);
  if (left === undefined || right === undefined) return false;
  if (left > -10_000_000_000n && left < 10_000_000_000n) left *= 1000n;
  if (operator === 'before') return left < right;
  if (operator === 'after') return left > right;
  return left / 86_400_000n === right / 86_400_000n;
}

function truncate(value: number | undefined): bigint | undefined {
  if (value === undefined) return undefined;
  if (Number.isNaN(value)) return 0n;
  const max = 2n ** 63n - 1n;
  if (value >= 2 ** 63) return max;
  return value <= -(2 ** 63) ? -max - 1n : BigInt(Math.trunc(value));
}

function isEqual(value: Views, target: Target): boolean {
  if (target.raw === null || target.raw === undefined) return value.raw === undefined;
  if (typeof target.raw === 'boolean') return value.raw === target.raw;
  if (target.text !== undefined) return value.text === target.text;
  if (target.list !== undefined) {
    const array = value.raw;
    if (!Array.isArray(array) || array.length !== target.list.size) return false;
    return [...target.list.values()].every(({ text, index }) => views(array[index]).text === text);
  }
  if (target.object !== undefined) return isEqualObject(value.raw, target.object);
  return value.float === target.float;
}

function isEqualObject(raw: unknown, target: Record<string, Json>): boolean {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) return false;
  const entries = Object.entries(raw);
  if (entries.length !== Object.keys(target).length) return false;
  return entries.every(([key, element]) => {
    const expected = target[key];
    const text = views(element).text;
    if (expected === undefined || text === undefined) return false;
    return text === (typeof expected === 'number' ? spelledNumber(JSON.stringify(expected)) : elementText(expected));
  });
}

function isListed(
  text: string | undefined,
  name: string | undefined,
  lists: ReadonlyMap<string, { has(key: string): boolean }>,
): boolean {
  return text !== undefined && name !== undefined && lists.get(name)?.has(listKey(text)) === true;
}

function compareArrays(operator: string, raw: unknown, target: Target): boolean | undefined {
  if (!/^(array_contains_(any|none|all)|not_array_contains_all)$/.test(operator)) return undefined;
  if (!Array.isArray(raw) || target.list === undefined) return false;
  const texts = raw.map((element) => views(element).text);
  const present = [...target.list.values()].map(({ text }) => texts.includes(text));
  if (operator === 'array_contains_any') return present.some((is) => is);
  if (operator === 'array_contains_none') return !present.some((is) => is);
  if (operator === 'array_contains_all') return present.every((is) => is);
  return !present.every((is) => is);
}
