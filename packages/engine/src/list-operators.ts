/** Operators that look for a value, or for parts of it, in a list target. */
import { textOf } from './coerce.js';
import type { Test } from './operators.js';
import type { Target } from './target.js';

/** The test of a membership, text-part or array operator; undefined for other operators. */
export function compileListOperator(operator: string, target: Target): Test | undefined {
  return (
    compileMembership(operator, target) ?? compileTextPart(operator, target) ?? compileArrayOperator(operator, target)
  );
}

const negate =
  (test: Test): Test =>
  (value) =>
    !test(value);

function compileMembership(operator: string, target: Target): Test | undefined {
  switch (operator) {
    case 'any':
      return compileAny(target);
    case 'none':
      return negate(compileAny(target));
    case 'any_case_sensitive':
      return compileExact(target);
    case 'none_case_sensitive':
      return negate(compileExact(target));
    default:
      return undefined;
  }
}

function compileAny(target: Target): Test {
  const keys: { has(key: string): boolean } | undefined = target.list ?? target.object;
  if (keys === undefined) return () => false;
  // A missing text counts as empty.
  return (value) => keys.has(lowerCase(typeof value === 'string' ? value : (textOf(value) ?? '')));
}

/** Longer texts are left to the platform. */
const scanMax = 40;

/** Lower case; a short text that is so already, as most are, is found to be without a call or a copy. */
function lowerCase(text: string): string {
  const length = text.length;
  if (length > scanMax) return text.toLowerCase();
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0x7f || (code > 0x40 && code < 0x5b)) return text.toLowerCase();
  }
  return text;
}

function compileExact(target: Target): Test {
  const texts = new Set<string>();
  for (const element of target.list?.values() ?? []) texts.add(element.text);
  return (value) => texts.has(textOf(value) ?? '');
}

function compileTextPart(operator: string, target: Target): Test | undefined {
  const parts = [...(target.list?.keys() ?? [])];
  const lowered = (value: unknown): string => lowerCase(textOf(value) ?? '');
  switch (operator) {
    case 'str_starts_with_any':
      return (value) => {
        const text = lowered(value);
        for (const part of parts) if (text.startsWith(part)) return true;
        return false;
      };
    case 'str_ends_with_any':
      return (value) => {
        const text = lowered(value);
        for (const part of parts) if (text.endsWith(part)) return true;
        return false;
      };
    case 'str_contains_any':
      return compileContains(parts);
    case 'str_contains_none':
      return negate(compileContains(parts));
    default:
      return undefined;
  }
}

function compileContains(parts: readonly string[]): Test {
  return (value) => {
    const text = lowerCase(textOf(value) ?? '');
    for (const part of parts) if (text.includes(part)) return true;
    return false;
  };
}

/** Needs a list and an array: otherwise false, also for the negative forms. */
function compileArrayOperator(operator: string, target: Target): Test | undefined {
  const outcome = arrayOutcome(operator);
  if (outcome === undefined) return undefined;
  if (target.list === undefined) return () => false;
  const listed = new Set<string>();
  for (const element of target.list.values()) listed.add(element.text);
  const total = listed.size;
  return (value) => Array.isArray(value) && outcome(countPresent(value, listed), total);
}

function arrayOutcome(operator: string): ((present: number, total: number) => boolean) | undefined {
  switch (operator) {
    case 'array_contains_any':
      return (present) => present > 0;
    case 'array_contains_none':
      return (present) => present === 0;
    case 'array_contains_all':
      return (present, total) => present === total;
    case 'not_array_contains_all':
      return (present, total) => present < total;
    default:
      return undefined;
  }
}

/** How many different listed texts the array holds. */
function countPresent(value: readonly unknown[], listed: ReadonlySet<string>): number {
  const present = new Set<string>();
  for (const element of value) {
    const text = textOf(element);
    if (text !== undefined && listed.has(text)) present.add(text);
  }
  return present.size;
}
