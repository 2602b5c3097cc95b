import assert from 'node:assert/strict';
import { userOf } from './openfeature-user.js';

describe('the user of an evaluation context', () => {
  it('has the targeting key as its id, and known fields in their places', () => {
    const context = {
      ...{ targetingKey: 'ada', email: 'ada@example.com', country: 'DE', appVersion: '1.2' },
      ...{ customIDs: { companyID: 'acme' }, privateAttributes: { age: 7 }, statsigEnvironment: { tier: 'staging' } },
    };
    const { targetingKey, ...fields } = context;
    assert.deepEqual(userOf(context), { userID: targetingKey, ...fields, custom: {} });
    assert.equal(userOf({ userID: 'ada' }).userID, 'ada');
    assert.equal(userOf({}).userID, undefined);
  });

  it('has all else as custom attributes, and what has another type than its field', () => {
    const user = userOf({ plan: 'pro', country: 5, customIDs: ['a'], since: new Date(0), custom: { plan: 'free' } });
    assert.deepEqual(user, {
      userID: undefined,
      custom: { plan: 'free', country: 5, customIDs: ['a'], since: '1970-01-01T00:00:00.000Z' },
    });
  });
});
