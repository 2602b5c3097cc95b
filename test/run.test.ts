import assert from 'node:assert/strict';
import { closingLine, nothing, sum } from './room-result.js';

describe('the closing line', () => {
  it('has the sums of all rooms', () => {
    const results = [
      { passed: 3, failed: 1, skipped: 0 },
      { passed: 4, failed: 0, skipped: 2 },
    ];
    assert.equal(closingLine(sum(results)), '7 passed, 1 failed, 2 skipped');
  });

  it('says so when nothing ran', () => {
    assert.equal(closingLine(sum([])), closingLine(nothing));
  });
});
