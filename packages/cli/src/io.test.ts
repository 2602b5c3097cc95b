import assert from 'node:assert/strict';
import { processIo } from './io.js';
import { readInput } from './user-input.js';

describe('input', () => {
  it('is read as far as its limit, and hardly further', async () => {
    const bytes = await processIo().read('/dev/zero', 3_000_000);
    assert(bytes.length > 3_000_000 && bytes.length <= 3_000_000 + (1 << 20), String(bytes.length));
  });

  it('is refused when it does not end', async () => {
    await assert.rejects(readInput(processIo(), '--file', '/dev/zero'), {
      message: '--file: /dev/zero has more than 67108864 bytes; split it',
    });
  });
});
