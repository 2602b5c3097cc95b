import assert from 'node:assert/strict';
import { count, enumWord, formatAge, formatMs, formatSince, isoTime, shorten } from './words.js';

describe('words for', () => {
  const cases: [string, unknown, unknown][] = [
    ['an age just below a unit', formatAge(59_999), '59 s'],
    ['an age of exactly a unit', formatAge(60_000), '1 min'],
    ['an age in days', formatAge(86_400_000 * 40), '40 d'],
    ['an age below zero', formatAge(-5), '0 ms'],
    ['what was never', formatSince(0, 1_000), ''],
    ['what was', formatSince(1_000, 3_000), '2 s ago'],
    ['what is ahead of our clock', formatSince(3_000, 1_000), '0 ms ago'],
    ['milliseconds', formatMs(8.06), '8.1 ms'],
    ['a time', isoTime(1_000), '1970-01-01T00:00:01.000Z'],
    ['no time', isoTime(0), null],
    ['none', count(0, 'event'), '0 events'],
    ['one', count(1, 'event'), '1 event'],
    ['a text that fits', shorten('abcde', 5), 'abcde'],
    ['a text that does not', shorten('abcdef', 5), 'abcd…'],
    ['a value of an enum', enumWord('OUTCOME', 'OUTCOME_ACCEPTED'), 'ACCEPTED'],
    ['the unspecified one', enumWord('OUTCOME', 'OUTCOME_UNSPECIFIED'), ''],
    ['one of a later version', enumWord('OUTCOME', 'UNRECOGNIZED'), 'UNRECOGNIZED'],
  ];
  for (const [what, actual, expected] of cases) it(what, () => assert.equal(actual, expected));
});
