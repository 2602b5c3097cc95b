/** How client responses hide names. */
import { djb2, sha256Base64 } from '../bucket.js';

export type HashAlgorithm = 'none' | 'djb2' | 'sha256';
export type Hash = (name: string) => string;

const hashes: Readonly<Record<HashAlgorithm, Hash>> = { none: (name) => name, djb2, sha256: sha256Base64 };

export function hashOf(algorithm: HashAlgorithm): Hash {
  return hashes[algorithm];
}
