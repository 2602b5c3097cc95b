import assert from 'node:assert/strict';
import { SluiceError } from '@sluice/mesh';
import { InitializeClientRequest, Kind, User } from '@sluice/proto';
import { checkKey, checkKeys, readInitialize, readUser } from './request.js';

const refused = (field: string) => (error: unknown) =>
  error instanceof SluiceError && error.kind === 'invalid' && error.field === field;

describe('requests', () => {
  it('name the key that can not be asked for', () => {
    checkKeys([{ kind: Kind.UNSPECIFIED, name: 'a' }]);
    assert.throws(() => checkKeys([]), refused('keys'));
    const key = { kind: Kind.GATE, name: 'a' };
    assert.throws(() => checkKeys(new Array(1_001).fill(key)), refused('keys'));
    assert.throws(() => checkKeys([key, { kind: Kind.GATE, name: '' }]), refused('keys[1].name'));
    assert.throws(() => checkKeys([{ kind: 99 as Kind, name: 'a' }]), refused('keys[0].kind'));
  });

  it('ask for no explanation of what has no rules', () => {
    assert.equal(checkKey({ kind: Kind.LAYER, name: 'a' }).name, 'a');
    assert.throws(() => checkKey(undefined), refused('key'));
    assert.throws(() => checkKey({ kind: Kind.PARAM_STORE, name: 'a' }), refused('key.kind'));
  });

  it('name what of a client document nobody can write', () => {
    assert.throws(() => readInitialize(InitializeClientRequest.create({ format: 9 })), refused('format'));
    assert.equal(readInitialize(InitializeClientRequest.create()).format, 0);
  });

  it('name the field of the user that can not be read', () => {
    assert.throws(() => readUser(undefined), refused('user'));
    const custom = { tags: { kind: { $case: 'json', value: '[1' } } } as const;
    assert.throws(() => readUser({ ...User.create(), custom }), refused('user.custom.tags'));
    assert.equal(readUser(User.create()).userID, undefined);
  });
});
