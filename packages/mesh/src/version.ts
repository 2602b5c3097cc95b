import { createRequire } from 'node:module';

const manifest = createRequire(import.meta.url)('../package.json') as {
  version: string;
};

/** The version of Sluice that this process runs. */
export const version: string = manifest.version;
