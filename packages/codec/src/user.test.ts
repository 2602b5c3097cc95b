import assert from 'node:assert/strict';
import { User, type Value } from '@sluice/proto';
import fc from 'fast-check';
import { UserError, unitIdOf, userFromWire } from './user.js';
import { userFromJson } from './user-json.js';

const overTheWire = (json: unknown): ReturnType<typeof userFromWire> =>
  userFromWire(User.decode(User.encode(userFromJson(json)).finish()));

function without<T extends object>(fields: T): Partial<T> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as Partial<T>;
}

describe('a user from JSON', () => {
  it('comes through the wire as it was', () => {
    const json = {
      userID: 'u',
      customIDs: { companyID: 'c', stableID: 's' },
      email: 'e@example.org',
      ip: '1.2.3.4',
      userAgent: 'agent',
      country: 'NZ',
      locale: 'en-NZ',
      appVersion: '1.2.3',
      custom: { plan: 'pro', seats: 3, isNew: true, tags: ['a', 'b'], nothing: null, deep: { a: { b: [1] } } },
      privateAttributes: { secret: 'x' },
      statsigEnvironment: { tier: 'staging' },
    };
    assert.deepEqual(without(overTheWire(json)), json);
    assert.deepEqual(without(overTheWire(JSON.stringify(json))), json);
  });

  it('keeps any JSON attribute', () => {
    const name = fc.string().filter((key) => key !== '__proto__');
    fc.assert(
      fc.property(fc.dictionary(name, fc.jsonValue({ maxDepth: 3 }), { minKeys: 1 }), (custom) => {
        assert.equal(JSON.stringify(overTheWire({ custom }).custom), JSON.stringify(custom));
      }),
    );
  });

  it('spells numeric ids without an exponent', () => {
    const ids = { a: 7, b: 1e21, c: -1.5e-7, d: 12.25, e: 1.25e22 };
    assert.deepEqual(overTheWire({ customIDs: ids }).customIDs, {
      a: '7',
      b: '1000000000000000000000',
      c: '-0.00000015',
      d: '12.25',
      e: '12500000000000000000000',
    });
  });

  it('counts null as absent', () => {
    assert.deepEqual(without(overTheWire({ userID: null, custom: null })), {});
  });

  it('names the field that is wrong, and what to do', () => {
    const deep = JSON.parse('['.repeat(20) + ']'.repeat(20)) as unknown;
    const refusals: [unknown, RegExp][] = [
      ['{"userID":', /^user: is not JSON: .*; write it like/],
      ['[]', /^user: must be a JSON object/],
      [7, /^user: must be a JSON object/],
      [null, /^user: must be a JSON object/],
      [{ userID: 7 }, /^user\.userID: must be a string$/],
      [{ user_id: 'u' }, /^user\.user_id: is not a field of users; did you mean userID\?/],
      [{ plan: 'pro' }, /^user\.plan: is not a field of users; put attributes of your own under custom/],
      [{ customIDs: { companyID: true } }, /^user\.customIDs\.companyID: must be a string or a number$/],
      [{ customIDs: [] }, /^user\.customIDs: must be a JSON object$/],
      [{ custom: 'x' }, /^user\.custom: must be a JSON object$/],
      [{ custom: { a: deep } }, /^user\.custom\.a: is nested more than 16 levels deep/],
      [{ statsigEnvironment: { tier: 1 } }, /^user\.statsigEnvironment\.tier: must be a string$/],
    ];
    for (const [json, message] of refusals) {
      assert.throws(
        () => userFromJson(json),
        (error) => error instanceof UserError && message.test(error.message),
      );
    }
  });
});

describe('a user from the wire', () => {
  const withCustom = (value: Value): User => ({ ...User.create(), custom: { a: value } });

  it('is refused with the field when an attribute is not JSON', () => {
    assert.throws(
      () => userFromWire(withCustom({ kind: { $case: 'json', value: '{' } })),
      (error) => error instanceof UserError && error.field === 'user.custom.a',
    );
    const deep = `${'['.repeat(50_000)}${']'.repeat(50_000)}`;
    assert.throws(() => userFromWire(withCustom({ kind: { $case: 'json', value: deep } })), /nested more than/);
  });

  it('has null for a value without a kind', () => {
    assert.deepEqual(userFromWire(withCustom({ kind: undefined })).custom, { a: null });
  });
});

describe('the id of a unit', () => {
  const user = userFromJson({ userID: 'u', customIDs: { companyID: 'c', deviceid: 'd' } });

  it('is looked up as bucketing does', () => {
    assert.equal(unitIdOf(user, 'userID'), 'u');
    assert.equal(unitIdOf(user, 'USERID'), 'u');
    assert.equal(unitIdOf(user, 'companyID'), 'c');
    assert.equal(unitIdOf(user, 'companyid'), '');
    assert.equal(unitIdOf(user, 'deviceID'), 'd');
    assert.equal(unitIdOf(user, 'constructor'), '');
  });
});
