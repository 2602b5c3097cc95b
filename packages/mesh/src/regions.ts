import { z } from 'zod';
import { readEnv } from './env.js';

/** How the mesh is spread. */
export interface Regions {
  readonly own: string;
  /** Has config, and is where all events end up. */
  readonly home: string;
  /** All of them, home included. */
  readonly all: readonly string[];
}

/** A mesh of one region, unless SLUICE_REGIONS and SLUICE_HOME_REGION say otherwise. @throws ConfigError */
export function readRegions(own: string, env: NodeJS.ProcessEnv = process.env): Regions {
  const names = z
    .string()
    .regex(/^[a-z0-9-]+(,[a-z0-9-]+)*$/, 'it must be names with commas between, such as us,eu')
    .default(own);
  const { SLUICE_HOME_REGION: home, SLUICE_REGIONS } = readEnv(
    { SLUICE_HOME_REGION: z.string().default(own), SLUICE_REGIONS: names },
    env,
  );
  return Object.freeze({ own, home, all: Object.freeze(SLUICE_REGIONS.split(',')) });
}
