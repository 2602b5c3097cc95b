import { join } from 'node:path';
import { contextPath, exampleSet } from './context-file.js';
import { checkout, type Folders } from './paths.js';
import { keepSecret, readSecret } from './secrets.js';
import { runSluice } from './sluice-command.js';

/** Classes of development keys that the first start makes. */
const keyClasses = ['server', 'client'] as const;
type KeyClass = (typeof keyClasses)[number];

const keyName = (keyClass: KeyClass): string => `development-${keyClass}.key`;
const setOptions = ['--project', exampleSet.project, '--environment', exampleSet.environment];

/** Loads the example project and makes its development keys, through the public command line. */
export async function loadExample(folders: Folders): Promise<void> {
  const context = contextPath(folders);
  await runSluice(context, ['apply', join(checkout, 'examples/storefront.yaml'), ...setOptions]);
  for (const keyClass of keyClasses) {
    if (readSecret(folders, keyName(keyClass)) !== undefined) continue;
    const args = ['key', 'create', '--class', keyClass, '--label', 'development', ...setOptions, '--json'];
    const { secret } = JSON.parse(await runSluice(context, args)) as { secret: string };
    await keepSecret(folders, keyName(keyClass), () => secret);
  }
}

export interface DevelopmentKey {
  readonly keyClass: KeyClass;
  readonly secret: string;
}

export function developmentKeys(folders: Folders): DevelopmentKey[] {
  return keyClasses.flatMap((keyClass) => {
    const secret = readSecret(folders, keyName(keyClass));
    return secret === undefined ? [] : [{ keyClass, secret }];
  });
}
