import { UnfitError } from './copy-tuples.js';

/** SQLSTATE classes that blame the data: 22 (data exception), 23 (integrity), 54 (too large). Everything else may pass by itself. */
const dataClasses = /^(?:22|23|54)[\dA-Z]{3}$/;
/** Those that blame a value by itself, whatever else is in the store. */
const valueClasses = /^(?:22|54)[\dA-Z]{3}$/;

/** Whether the data itself was refused, by PostgreSQL or ahead of it, so that trying again can't help. Looks through causes. */
export function isDataFault(error: unknown): boolean {
  return isOfClass(error, dataClasses);
}

/** As `isDataFault`, but for constraints: outside of events those blame our schema rather than what was sent. */
export function isValueFault(error: unknown): boolean {
  return isOfClass(error, valueClasses);
}

function isOfClass(error: unknown, classes: RegExp): boolean {
  for (let at = error, depth = 0; at instanceof Error && depth < 8; at = at.cause, depth++) {
    if (at instanceof UnfitError) return true;
    const { code } = at as Error & { code?: unknown };
    if (typeof code === 'string' && classes.test(code)) return true;
  }
  return false;
}

/** An error's text with those of its causes, fit to be stored. */
export function textOfError(error: unknown): string {
  const texts: string[] = [];
  let at = error;
  for (; at instanceof Error && texts.length < 8; at = at.cause) texts.push(at.message);
  if (texts.length === 0) texts.push(String(error));
  return texts.join(': ').replaceAll('\0', '').slice(0, 2_000);
}
