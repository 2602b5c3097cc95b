import assert from 'node:assert/strict';
import { KeyClass, type KeyGrant } from '@sluice/proto';
import {
  createAuthenticate,
  digestOf,
  newSecret,
  type Principal,
  requireKind,
  requireSet,
  requireWrite,
} from './auth.js';
import { SluiceError } from './errors.js';

const grant: KeyGrant = {
  keyClass: KeyClass.SERVER,
  project: 'shop',
  environment: 'production',
  canWrite: false,
  label: 'backend',
};
const secret = newSecret('server');
const authenticate = createAuthenticate('mesh-secret', (digest) => (digest === digestOf(secret) ? grant : undefined));

function isKind(kind: string) {
  return (error: unknown) => error instanceof SluiceError && error.kind === kind;
}

describe('authentication', () => {
  it('knows a granted key and the mesh itself', async () => {
    assert.deepEqual(await authenticate(`Bearer ${secret}`), {
      kind: 'server',
      project: 'shop',
      environment: 'production',
      canWrite: false,
      label: 'backend',
      digest: digestOf(secret),
    });
    assert.equal((await authenticate('bearer mesh-secret')).kind, 'mesh');
  });

  for (const header of [
    undefined,
    '',
    'Bearer',
    'Basic abc',
    `Bearer ${'x'.repeat(300)}`,
    'Bearer sluice_server_nope',
  ]) {
    it(`refuses ${header === undefined ? 'no header' : JSON.stringify(header.slice(0, 40))}`, () => {
      assert.throws(() => authenticate(header), isKind('unauthenticated'));
    });
  }

  it('asks for the grant each time, also of a key that it has seen', () => {
    let granted: KeyGrant | undefined = grant;
    const revocable = createAuthenticate('mesh-secret', () => granted);
    for (const _ of [1, 2]) revocable(`Bearer ${secret}`);
    granted = undefined;
    assert.throws(() => revocable(`Bearer ${secret}`), isKind('unauthenticated'));
  });

  it('makes secrets that name their class and never repeat', () => {
    const secrets = new Set(Array.from({ length: 100 }, () => newSecret('client')));
    assert.equal(secrets.size, 100);
    for (const one of secrets) assert.match(one, /^sluice_client_[0-9A-Za-z]{32}$/);
  });
});

describe('authorization', () => {
  const of = (partial: Partial<Principal>): Principal => ({
    kind: 'server',
    project: '',
    environment: '',
    canWrite: false,
    label: '',
    digest: '',
    ...partial,
  });

  it('fills in the only set that a key can see', () => {
    const bound = of({ project: 'shop', environment: 'production' });
    assert.deepEqual(requireSet(bound, undefined), {
      project: 'shop',
      environment: 'production',
    });
  });

  it('refuses sets outside the scope, and asks for one where the scope is open', () => {
    const bound = of({ project: 'shop' });
    assert.throws(() => requireSet(bound, { project: 'bank', environment: 'production' }), isKind('forbidden'));
    assert.throws(() => requireSet(bound, undefined), /set\.environment: is empty/);
    assert.throws(() => requireSet(of({}), undefined), /set\.project: is empty/);
  });

  it('asks for the right kind of key, and for one that may write', () => {
    assert.throws(() => requireKind(of({ kind: 'client' }), 'server', 'console'), /use a server or console key/);
    assert.doesNotThrow(() => requireKind(of({ kind: 'mesh' }), 'console'));
    assert.throws(() => requireWrite(of({})), isKind('forbidden'));
  });
});
