import assert from 'node:assert/strict';
import { durationFor } from './duration.js';

describe('a time to wait', () => {
  const read = durationFor('--for');
  const cases: [string, number][] = [
    ['500ms', 500],
    ['10s', 10_000],
    ['2m', 120_000],
    ['3', 3_000],
    ['1.5s', 1_500],
    ['1ms', 1],
    ['60m', 3_600_000],
  ];
  for (const [text, ms] of cases) it(`${text} is ${ms} ms`, () => assert.equal(read(text), ms));
  for (const text of ['', '0', '61m', '-5s', '5h', '5 s', 'soon', '1e3', 'NaN']) {
    it(`${JSON.stringify(text)} is none`, () => {
      assert.throws(() => read(text), /--for: must be a time between 1ms and 60m, such as 500ms or 10s/);
    });
  }
});
