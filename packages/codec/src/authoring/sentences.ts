import type { z } from 'zod';
import type { Path } from './problem.js';

type Issue = z.core.$ZodIssue;

/** A problem with a place, before the place is turned into text and a line. */
export interface Finding {
  readonly path: Path;
  readonly message: string;
}

/** Says in words what a schema found, with the value that is there. */
export function findingsOf(issues: readonly Issue[], root: unknown): Finding[] {
  // An unknown field is the likely reason for whatever else is wrong with its object as a whole.
  const misspelled = new Set(
    issues.filter(({ code }) => code === 'unrecognized_keys').map(({ path }) => path.join('/')),
  );
  return issues.flatMap((issue) => {
    const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)));
    if (issue.code === 'custom' && misspelled.has(issue.path.join('/'))) return [];
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) => ({ path: [...path, key], message: issue.message }));
    }
    return [{ path, message: sentence(issue, valueAt(root, path)) }];
  });
}

function sentence(issue: Issue, value: unknown): string {
  switch (issue.code) {
    case 'invalid_type':
      if (value === undefined) return `is missing; it must be ${article(issue.expected)}`;
      return `${isOwnText(issue) ? issue.message : `must be ${article(issue.expected)}`}, got ${show(value)}`;
    case 'invalid_value':
      return `must be ${issue.values.map(String).join(' or ')}, got ${show(value)}`;
    case 'too_big':
    case 'too_small':
      return `${isOwnText(issue) ? issue.message : sizeRule(issue)}, got ${size(value)}`;
    case 'invalid_key':
      return issue.issues[0]?.message ?? 'is not a valid name';
    case 'invalid_union':
      if (value === undefined) return 'is missing';
      return `${isOwnText(issue) ? issue.message : 'has the wrong type'}, got ${show(value)}`;
    case 'custom':
      return typeof value === 'object'
        ? issue.message
        : `${issue.message}${value === undefined ? '' : `, got ${show(value)}`}`;
    default:
      return `${issue.message}, got ${show(value)}`;
  }
}

function sizeRule(issue: Extract<Issue, { code: 'too_big' | 'too_small' }>): string {
  const bound = issue.code === 'too_big' ? `at most ${issue.maximum}` : `at least ${issue.minimum}`;
  if (issue.origin === 'array') return `must have ${bound} entries`;
  if (issue.origin === 'string') return `must have ${bound} characters`;
  return `must be ${bound}`;
}

/** Texts of our own start in lower case, the library's with a capital. */
function isOwnText(issue: Issue): boolean {
  return /^[a-z]/.test(issue.message);
}

const articles: Readonly<Record<string, string>> = {
  string: 'text',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object with named fields',
  record: 'an object with named fields',
  number: 'a number',
};

function article(expected: string): string {
  return articles[expected] ?? expected;
}

/** A value as JSON, short enough for an error message. */
export function show(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

function size(value: unknown): string {
  if (Array.isArray(value)) return String(value.length);
  return typeof value === 'string' && value.length > 60 ? String(value.length) : show(value);
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== 'object' || value === null) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}
