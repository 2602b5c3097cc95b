import assert from 'node:assert/strict';
import { nanosecondsOf } from './leftovers.js';

describe('the time of a message that is left over', () => {
  it('is that of its delivery, to the last bit', () => {
    const times: [string, string][] = [
      ['2026-11-23T16:54:58.171536123Z', '1795452898171536123'],
      ['2026-11-23T16:54:58.1715Z', '1795452898171500000'],
      ['2026-11-23T16:54:58Z', '1795452898000000000'],
    ];
    for (const [text, nanoseconds] of times) assert.equal(nanosecondsOf(text), Number.parseInt(nanoseconds, 10));
  });
});
