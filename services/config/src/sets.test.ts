import assert from 'node:assert/strict';
import { ArchiveState } from '@sluice/proto';
import { checkLabel, isInState } from './sets.js';
import { refusal } from './test/heads.js';

describe('a list by state', () => {
  it('shows what is live unless asked for more', () => {
    const shown = (state: ArchiveState) => [isInState(state, false), isInState(state, true)];
    assert.deepEqual(shown(ArchiveState.UNSPECIFIED), [true, false]);
    assert.deepEqual(shown(ArchiveState.LIVE), [true, false]);
    assert.deepEqual(shown(ArchiveState.ARCHIVED), [false, true]);
    assert.deepEqual(shown(ArchiveState.ANY), [true, true]);
  });
});

describe("a key's label", () => {
  it('has a limit', () => {
    checkLabel('grant.label', 'x'.repeat(100));
    assert.throws(() => checkLabel('grant.label', 'x'.repeat(101)), refusal('invalid', 'grant.label', /at most 100/));
  });
});
