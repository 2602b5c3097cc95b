import assert from 'node:assert/strict';
import { revisionFields } from './at-revision.js';

describe('the revision to decide from', () => {
  it('is the newest unless said', () => assert.deepEqual(revisionFields({}), { minRevision: 0, atRevision: 0 }));
  it('is one at least', () => assert.deepEqual(revisionFields({ minRevision: 5 }), { minRevision: 5, atRevision: 0 }));
  it('is exactly one', () => assert.deepEqual(revisionFields({ atRevision: 5 }), { minRevision: 0, atRevision: 5 }));
  it('is not both', () => {
    const expected = /^SluiceError: --at-revision: replays the past, .*; leave --min-revision out$/;
    assert.throws(() => revisionFields({ minRevision: 5, atRevision: 5 }), expected);
  });
});
