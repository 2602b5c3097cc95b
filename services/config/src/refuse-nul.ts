import { invalid } from '@sluice/mesh';

/**
 * Refuses NUL in names, reasons and whatever else a request says in a field of its own, or of its set or
 * ref: PostgreSQL takes every other character. Bodies of entities are kept as bytes, see `problemOf`.
 * @throws SluiceError `invalid` naming the field.
 */
export function refuseNul<Request extends object>(request: Request): Request {
  for (const [field, value] of Object.entries(request)) {
    refuseIn(fieldName(field), value);
    if (!isMessage(value)) continue;
    for (const [inner, text] of Object.entries(value)) refuseIn(`${fieldName(field)}.${fieldName(inner)}`, text);
  }
  return request;
}

function refuseIn(field: string, value: unknown): void {
  if (typeof value === 'string' && value.includes('\0')) {
    throw invalid(field, 'has a NUL character (U+0000), which no text can keep; take it out');
  }
}

function isMessage(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

/** As the wire spells it: `nameContains` is `name_contains`. */
function fieldName(property: string): string {
  return property.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
