import { readFileSync } from 'node:fs';

const root = new URL('../../../../node_modules/', import.meta.url);

/** The installed version of a package. */
export function versionOf(name: string): string {
  const manifest = JSON.parse(readFileSync(new URL(`${name}/package.json`, root), 'utf8')) as { version: string };
  return manifest.version;
}
