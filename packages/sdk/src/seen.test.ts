import assert from 'node:assert/strict';
import { Seen } from './seen.js';

describe('Seen', () => {
  it('finds the unit as bucketing does', () => {
    const seen = new Seen();
    const user = { userID: 'u', customIDs: { companyID: 'acme', deviceid: 7 } };
    assert.equal(seen.unitOf(user, 'userID'), 'u');
    assert.equal(seen.unitOf(user, 'USERID'), 'u');
    assert.equal(seen.unitOf(user, ''), 'u');
    assert.equal(seen.unitOf(user, 'companyID'), 'acme');
    assert.equal(seen.unitOf(user, 'deviceID'), '7');
    assert.equal(seen.unitOf(user, 'toString'), '');
    assert.equal(seen.unitOf({}, 'companyID'), '');
    assert.equal(seen.unitOf({ userID: 5 as never }, 'userID'), '5');
  });

  it('tells units, rules and values apart, and counts what it keeps', () => {
    const seen = new Seen();
    assert.equal(seen.add('u', true, 'rule'), true);
    assert.equal(seen.add('u', true, 'rule'), false);
    assert.equal(seen.has('u', true, 'rule'), true);
    assert.equal(seen.has('u', false, 'rule'), false);
    assert.equal(seen.has('u', true, 'other'), false);
    assert.equal(seen.has('v', true, 'rule'), false);
    assert.equal(seen.add('u', true, 'other'), false);
    assert.equal(seen.has('u', true, 'rule'), false);
  });
});
