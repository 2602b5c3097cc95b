import { join } from 'node:path';
import { writeJson } from './files.js';
import type { Folders } from './paths.js';
import { secretPath } from './secrets.js';
import { rootKeyName } from './services.js';

/** The set that commands mean unless they are told another. */
export const exampleSet = { project: 'storefront', environment: 'development' } as const;

/** Where the `sluice` command finds this mesh: it looks from its working folder upwards. */
export const contextPath = (folders: Folders): string => join(folders.root, 'context.json');

/** @param region Where the command line is at home. */
export function writeContext(folders: Folders, basePort: number, region: string, consulAddr: string): Promise<void> {
  return writeJson(contextPath(folders), {
    name: `${region}-${basePort}`,
    consul: consulAddr,
    region,
    keyFile: secretPath(folders, rootKeyName),
    ...exampleSet,
  });
}
