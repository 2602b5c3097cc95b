import { readFileSync } from 'node:fs';

/** Golden vectors, which are answers of the reference. */
export function readVectors<Vectors>(name: string): Vectors {
  return JSON.parse(readFileSync(new URL(`../../../../test/vectors/${name}`, import.meta.url), 'utf8'));
}
