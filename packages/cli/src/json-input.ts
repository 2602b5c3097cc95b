import { invalid } from '@sluice/mesh';
import { findJsonFault } from './json-scan.js';

/**
 * Parses what a user typed.
 * @throws SluiceError `invalid`, such as
 * `--user: is not JSON at position 9: expected a JSON value, found "x"; write it like {"userID":"a-user"}`.
 */
export function parseJsonInput(field: string, text: string, example: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const { position, expected } = findJsonFault(text);
    const found = position >= text.length ? 'the end' : JSON.stringify(text.slice(position, position + 12));
    throw invalid(
      field,
      `is not JSON at position ${position}: expected ${expected}, found ${found}; write it like ${example}`,
    );
  }
}

/** @throws SluiceError `invalid` unless the text is a JSON object. */
export function parseObjectInput(field: string, text: string, example: string): Readonly<Record<string, unknown>> {
  const value = parseJsonInput(field, text, example);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw invalid(field, `must be a JSON object, such as ${example}, got ${JSON.stringify(value).slice(0, 40)}`);
}

/** A number as it was typed. @throws SluiceError `invalid` outside the bounds. */
export function parseNumberInput(field: string, text: string, min: number, max: number): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (value >= min && value <= max) return value;
  throw invalid(field, `must be a number between ${min} and ${max}, got ${JSON.stringify(text)}`);
}

/** @throws SluiceError `invalid` unless the text is a whole number in bounds. */
export function parseCountInput(field: string, text: string, min: number, max: number): number {
  const value = parseNumberInput(field, text, min, max);
  if (Number.isInteger(value)) return value;
  throw invalid(field, `must be a whole number, got ${JSON.stringify(text)}`);
}
