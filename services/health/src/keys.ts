import { digestOf, type FindGrant } from '@sluice/mesh';
import { KeyClass, type KeyGrant } from '@sluice/proto';
import type { Holdings } from '@sluice/replica';

/**
 * Who may ask. Keys travel in rulesets, so that in a mesh without any set nobody would be known:
 * there the first console key counts, by its secret, so that an empty mesh can be looked at. Once
 * a ruleset is held, it alone says who is who, and a root key that was revoked is nobody.
 */
export function findGrantIn(
  holdings: Pick<Holdings, 'findGrant' | 'size'>,
  rootKey: string | undefined,
): (digest: string) => ReturnType<FindGrant> {
  const rootDigest = rootKey === undefined ? undefined : digestOf(rootKey);
  return (digest) => {
    const grant = holdings.findGrant(digest);
    if (grant || holdings.size > 0) return grant;
    return digest === rootDigest ? rootGrant : undefined;
  };
}

const rootGrant: KeyGrant = {
  keyClass: KeyClass.CONSOLE,
  project: '',
  environment: '',
  canWrite: true,
  label: 'root',
};
