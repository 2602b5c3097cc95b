import { jsonLevelsMax } from '../limits.js';

/** Parsed JSON, or what is wrong with it. */
export type ParsedJson = { readonly value: unknown } | { readonly problem: string };

/**
 * Reads JSON that shall be stored: not too deep, its numbers finite, its text such as PostgreSQL
 * can hold (no NUL, no half of a surrogate pair).
 */
export function parseJson(text: string): ParsedJson {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    return { problem: `is not JSON (${(error as Error).message})` };
  }
  const problem = problemIn(value, 1);
  return problem === undefined ? { value } : { problem };
}

/** @returns a sentence for the first thing that can't be stored. */
function problemIn(value: unknown, level: number): string | undefined {
  if (typeof value === 'string') return problemInText(value);
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'has a number too large for a double';
  if (typeof value !== 'object' || value === null) return undefined;
  if (level > jsonLevelsMax) return `is nested more than ${jsonLevelsMax} levels deep`;
  const isArray = Array.isArray(value);
  for (const [key, inner] of Object.entries(value)) {
    const problem = (isArray ? undefined : problemInText(key)) ?? problemIn(inner, level + 1);
    if (problem !== undefined) return problem;
  }
  return undefined;
}

/** What PostgreSQL can't hold as text. */
export function problemInText(text: string): string | undefined {
  if (text.includes('\0')) return 'has a NUL character';
  return text.isWellFormed() ? undefined : 'has half of a surrogate pair';
}
