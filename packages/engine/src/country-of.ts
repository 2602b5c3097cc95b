import type { Call } from './call.js';
import { parseIntegerText } from './coerce.js';

/** The country of an address such as `8.8.8.8`; anything that is not four integers has none. */
export function countryOf(address: string | undefined, call: Call): string | undefined {
  const parts = address?.split('.') ?? [];
  if (parts.length !== 4) return undefined;
  if (call.context.countries === undefined) {
    call.overrideReason = 'CountryLookupNotLoaded:Recognized';
    return undefined;
  }
  let number = 0;
  for (const part of parts) {
    const value = parseIntegerText(part);
    if (value === undefined) return undefined;
    number = number * 256 + Number(value);
  }
  // The parts have no range of their own. Past the table the reference crashes; below it, nothing is known.
  return number >= 0 && number < 2 ** 32 ? call.context.countries.lookup(number) : undefined;
}
