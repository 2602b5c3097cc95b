import assert from 'node:assert/strict';
import { rulesetFromEntities, userFromWire } from '@sluice/codec';
import { compile, evaluateGate, type User } from '@sluice/engine';
import { Seen } from './seen.js';
import { gateEntity } from './test/model.js';
import { wireUser } from './wire-user.js';

const overTheWire = (user: User): User => userFromWire(wireUser(user, { withPrivate: true }));

describe('the wire form of a user', () => {
  it('buckets as the user itself does, whatever its ids are', () => {
    const { program } = compile(rulesetFromEntities([gateEntity('half', 50, 'companyID')]));
    const ids: readonly unknown[] = [0, 1.5, -0, 1e-7, 2 ** 53, '7', true, ...numbersFrom(1e21, 40)];
    for (const companyID of ids) {
      const user = { customIDs: { companyID } } as User;
      const [here, there] = [user, overTheWire(user)].map(
        (one) => evaluateGate(program, 'half', one, { now: 0 }).value,
      );
      assert.equal(here, there, `${String(companyID)} buckets differently`);
      assert.equal(new Seen().unitOf(user, 'companyID'), overTheWire(user).customIDs?.companyID);
    }
  });

  it('leaves out what is no id, and what is nested too deep', () => {
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    const custom = { ok: [1], nan: Number.NaN, big: 1n, circle, none: null };
    const user = { userID: {}, customIDs: { a: Number.NaN, b: null }, custom } as never;
    const wire = wireUser(user, { withPrivate: true });
    assert.deepEqual([wire.userId, wire.customIds], [undefined, {}]);
    assert.deepEqual(Object.keys(wire.custom), ['ok', 'none']);
  });

  it('has the attributes of every user, found as rules find them', () => {
    const globals = { plan: 'free', Region: 'eu', region: 'EU', tier: 1, none: undefined };
    const user: User = { custom: { region: 'own', tier: undefined, plan: null } };
    const { custom } = userFromWire(wireUser(user, { withPrivate: false, globals }));
    assert.deepEqual(custom, { region: 'own', tier: 1, plan: null });
    assert.deepEqual(userFromWire(wireUser({}, { withPrivate: false, globals })).custom, {
      ...{ plan: 'free', Region: 'eu', region: 'EU', tier: 1 },
    });
  });

  it('holds private attributes only where it may', () => {
    const user: User = { userID: 'u', privateAttributes: { age: 7 } };
    assert.deepEqual(wireUser(user, { withPrivate: false }).privateAttributes, {});
    assert.deepEqual(overTheWire(user).privateAttributes, { age: 7 });
  });
});

function numbersFrom(first: number, count: number): number[] {
  return Array.from({ length: count }, (_, at) => first * (at + 1) * 1.1);
}
