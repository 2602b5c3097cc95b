import { type FieldProblem, SluiceError } from '@sluice/mesh';

/** Errors travel in headers, which have little room. */
export const shown = { fieldsMax: 8, textMax: 80 };

/** One field of something, as the caller would have it and as it is stored; empty where one side lacks it. */
export function difference(field: string, yours: string, stored: string): FieldProblem {
  return { field, message: `yours ${yours || 'absent'}, stored ${stored || 'absent'}` };
}

/**
 * Somebody else was faster: what stands now and who made it so, then where the two sides differ.
 * @param field - the request's field that says what the caller looked at.
 */
export function conflictOf(field: string, now: string, differences: readonly FieldProblem[]): SluiceError {
  const lines = differences.map((one) => `${one.field}: ${one.message}`);
  const list = lines.length > 0 ? `; they differ in ${lines.join(', ')}` : '';
  const message = `${now}${list}; look at it again, then repeat`;
  return new SluiceError('conflict', `${field}: ${message}`, { problems: [{ field, message: now }, ...differences] });
}
