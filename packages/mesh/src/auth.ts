import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { KeyClass, type KeyGrant, type SetRef } from '@sluice/proto';
import { forbidden, invalid, unauthenticated } from './errors.js';

/** Who makes a call. `mesh` is a service of ours; the others hold an SDK key, `unverified` one that nobody could check. */
export type PrincipalKind = 'mesh' | 'server' | 'client' | 'console' | 'unverified';

export interface Principal {
  readonly kind: PrincipalKind;
  /** Empty: every project. */
  readonly project: string;
  /** Empty: every environment of the project. */
  readonly environment: string;
  readonly canWrite: boolean;
  /** For people: who holds the key. */
  readonly label: string;
  /** Hexadecimal SHA-256 of the secret. */
  readonly digest: string;
}

/** The answer for a key that is not known while nobody can be asked: its holder is let in as `unverified`. */
export const unverified: unique symbol = Symbol('unverified');

export type Grant = KeyGrant | typeof unverified | undefined;

/** Looks a key up by the hexadecimal digest of its secret. */
export type FindGrant = (digest: string) => Grant | Promise<Grant>;

/** Decides who presents a secret. @throws SluiceError `unauthenticated`. */
export type Authenticate = (authorization: string | undefined) => Principal | Promise<Principal>;

export function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

const alphabet = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/** A new secret with 190 bits of randomness, such as `sluice_server_4f…`. */
export function newSecret(kind: PrincipalKind): string {
  let text = '';
  while (text.length < 32) {
    for (const byte of randomBytes(48)) {
      // 248 is the largest multiple of 62 in a byte: above it the letters would not be equally likely.
      if (byte < 248 && text.length < 32) text += alphabet[byte % 62];
    }
  }
  return `sluice_${kind}_${text}`;
}

const howTo = 'send an SDK key as metadata `authorization: Bearer <key>`';
const longestSecret = 256;

const kinds = new Map<KeyClass, PrincipalKind>([
  [KeyClass.SERVER, 'server'],
  [KeyClass.CLIENT, 'client'],
  [KeyClass.CONSOLE, 'console'],
]);

/** Known secrets whose digests are remembered: a digest costs as much as finding its grant. */
const knownMax = 1_000;

/** Authenticates against the mesh's own secret, then against granted keys. No network is involved. */
export function createAuthenticate(meshKey: string, findGrant: FindGrant): Authenticate {
  const meshDigest = Buffer.from(digestOf(meshKey), 'hex');
  /** Digests by what was sent; of secrets only that were good once. Whether they still are is asked each time. */
  const known = new Map<string, string>();
  const remember = (authorization: string | undefined, principal: Principal): Principal => {
    if (known.size >= knownMax) known.clear();
    if (authorization !== undefined && principal.kind !== 'unverified') known.set(authorization, principal.digest);
    return principal;
  };
  return (authorization) => {
    const remembered = authorization === undefined ? undefined : known.get(authorization);
    const digest = remembered ?? digestOf(bearerOf(authorization));
    if (timingSafeEqual(Buffer.from(digest, 'hex'), meshDigest)) {
      return remembered === undefined ? remember(authorization, meshPrincipal(digest)) : meshPrincipal(digest);
    }
    const grant = findGrant(digest);
    if (grant instanceof Promise) return grant.then((found) => remember(authorization, principalOf(digest, found)));
    const principal = principalOf(digest, grant);
    return remembered === undefined ? remember(authorization, principal) : principal;
  };
}

function bearerOf(authorization: string | undefined): string {
  if (authorization === undefined) throw unauthenticated(`No SDK key: ${howTo}.`);
  const secret = /^Bearer +(\S+)$/i.exec(authorization)?.[1];
  if (secret === undefined || secret.length > longestSecret) throw unauthenticated(`Malformed SDK key: ${howTo}.`);
  return secret;
}

function meshPrincipal(digest: string): Principal {
  return {
    kind: 'mesh',
    project: '',
    environment: '',
    canWrite: true,
    label: 'mesh',
    digest,
  };
}

/** Reaches no set by itself; only what lets `unverified` in on purpose does anything for it. */
function unverifiedPrincipal(digest: string): Principal {
  return { kind: 'unverified', project: '', environment: '', canWrite: false, label: 'unverified', digest };
}

/** Who holds the key of a grant; undefined for a class of keys that this version does not know. */
export function granted(digest: string, grant: KeyGrant): Principal | undefined {
  const kind = kinds.get(grant.keyClass);
  const { project, environment, canWrite, label } = grant;
  return kind && { kind, project, environment, canWrite, label, digest };
}

function principalOf(digest: string, grant: Grant): Principal {
  if (grant === unverified) return unverifiedPrincipal(digest);
  const principal = grant && granted(digest, grant);
  if (principal) return principal;
  throw unauthenticated(`Unknown SDK key: it was revoked, or belongs to another mesh; ${howTo}.`);
}

/** Refuses callers of other kinds. @throws SluiceError `forbidden`. */
export function requireKind(principal: Principal, ...allowed: readonly PrincipalKind[]): void {
  if (principal.kind === 'mesh' || allowed.includes(principal.kind)) return;
  throw forbidden(`A ${principal.kind} key may not do this; use a ${allowed.join(' or ')} key.`);
}

/** Refuses keys that may only read. @throws SluiceError `forbidden`. */
export function requireWrite(principal: Principal): void {
  if (!principal.canWrite) throw forbidden('This key may read only; use a key that may write.');
}

/** Whether the key's scope holds the set. */
export function covers(scope: Pick<KeyGrant, 'project' | 'environment'>, set: SetRef): boolean {
  return (
    (scope.project === '' || scope.project === set.project) &&
    (scope.environment === '' || scope.environment === set.environment)
  );
}

/**
 * The set that a call is about: the one asked for, or the only one that the key can see.
 * @throws SluiceError `invalid` when neither says, `forbidden` outside the key's scope. The
 * refusal is the same whether or not the set exists.
 */
export function requireSet(principal: Principal, asked: SetRef | undefined): SetRef {
  if (principal.kind === 'unverified') throw unauthenticated('This key could not be checked; try again later.');
  const project = asked?.project || principal.project;
  const environment = asked?.environment || principal.environment;
  if (project === '') throw invalid('set.project', 'is empty, and this key is not bound to one project; name it');
  if (environment === '') {
    throw invalid('set.environment', 'is empty, and this key is not bound to one environment; name it');
  }
  const set = { project, environment };
  if (!covers(principal, set)) {
    throw forbidden(`This key does not reach ${project}/${environment}; use a key of that project and environment.`);
  }
  return set;
}
