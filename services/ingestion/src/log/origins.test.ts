import assert from 'node:assert/strict';
import { originsOf } from './origins.js';

describe('the logs that an instance writes', () => {
  const all = ['us', 'eu'];

  it('are its own where there is one region', () => {
    assert.deepEqual(originsOf(undefined), [{}]);
    assert.deepEqual(originsOf({ own: 'local', home: 'local', all: ['local'] }), [{}]);
  });

  it('are those of all regions at home, and none elsewhere', () => {
    assert.deepEqual(originsOf({ own: 'us', home: 'us', all }), [{ region: 'us' }, { region: 'eu', domain: 'eu' }]);
    assert.deepEqual(originsOf({ own: 'eu', home: 'us', all }), []);
  });
});
