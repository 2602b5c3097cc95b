import assert from 'node:assert/strict';
import { wholeNumber } from './numbers.js';

describe('whole numbers', () => {
  const read = wholeNumber(1, 200);
  for (const text of ['1', '200', '007']) it(`${text} is one`, () => assert.equal(read(text), Number(text)));
  for (const text of ['0', '201', '', ' 5', '5.0', '-5', '1e2', '0x5', 'five']) {
    it(`${JSON.stringify(text)} is none in bounds`, () => {
      assert.throws(() => read(text), /It must be a whole number from 1 to 200\./);
    });
  }
});
