/** Values that are likely to be read differently by two implementations. */
import { type Json, spelled } from './document.js';
import { makeDate, makeSubject } from './oddities.js';
import type { Random } from './random.js';

export const texts: readonly string[] = [
  '',
  'a',
  'A',
  'b',
  'ab',
  'ABC',
  'é',
  'É',
  'İ',
  'i̇',
  'ß',
  'ſ',
  'K',
  'ΑΣ',
  'ας',
  '日本',
  '😀',
  '0',
  '1',
  '-1',
  '+1',
  '01',
  '1.0',
  '1.5',
  '1.50',
  '.5',
  '5.',
  '.',
  '1e3',
  '1e21',
  '1E-7',
  '100.0',
  '1000000000000000000000',
  'inf',
  '-Infinity',
  'nan',
  'true',
  'false',
  'null',
  ' 1',
  '1 ',
  '0x10',
  '1_000',
  '9007199254740993',
  '9223372036854775807',
  '9223372036854775808',
  '-9223372036854775807',
  '1.2',
  '1.2.0',
  '1.2.3',
  '1.2.3-beta',
  '-1.2',
  'v1',
  '1..2',
  '1.',
  '2.x',
  '1.10',
  '1. 2',
  '1.99999999999999999999',
  '2023-01-01',
  '2023-01-01T00:00:00Z',
  '2023-01-01t00:00:00z',
  '2023-01-01 00:00:00Z',
  '2023-01-01T00:00:00.5Z',
  '2023-01-01T00:00:00.123456Z',
  '2023-01-01T05:30:00+05:30',
  '2023-01-01T00:00:60Z',
  '2023-02-29T00:00:00Z',
  '2024-02-29 00:00:00',
  '2023-01-01 00:00:00',
  '2023-1-1 0:0:0',
  '2023-13-01 00:00:00',
  '2023-01-01 24:00:00',
  '1969-12-31 23:00:00',
  '1672531200',
  '1672531200000',
  '-5',
  '86399999',
  'a-user',
  'A-USER',
  'x@y.com',
  'X@Y.COM ',
  '[1]',
  '["a"]',
  '{"a":1}',
  'segment:x',
  'US',
  'production',
  'hello\nworld',
  'foo.bar',
  'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
];

const numbers: readonly number[] = [
  0,
  1,
  -1,
  2,
  1.5,
  0.1,
  100,
  1e3,
  1e15,
  1e16,
  1e21,
  1.5e21,
  1e-5,
  1e-7,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  2 ** 63,
  -(2 ** 31),
  1672531200,
  1672531200000,
  86399999,
  9999999999,
  10000000000,
  -86400001,
  123456.789,
  1e300,
];

const spellings: readonly string[] = [
  '1.0',
  '1.50',
  '1e2',
  '1E+2',
  '-0',
  '-0.0',
  '1e21',
  '100000000000000000000',
  '18446744073709551615',
  '0.00001',
  '1e-7',
];

/** A value of a user attribute: any JSON that the reference's binding takes. */
export function makeUserValue(random: Random, depth = 0): Json {
  const kind = random.next();
  if (kind < 0.4) return random.pick(texts);
  if (kind < 0.46) return makeSubject(random);
  if (kind < 0.5) return makeDate(random);
  if (kind < 0.7) return random.pick(numbers);
  if (kind < 0.78) return random.chance(0.5);
  if (kind < 0.8 || depth > 1) return null;
  const elements = Array.from({ length: random.below(4) }, () => makeUserValue(random, depth + 1));
  if (kind < 0.92) return elements;
  return Object.fromEntries(elements.map((element, index) => ['abc'[index] ?? 'd', element]));
}

function makeScalarTarget(random: Random): Json {
  const kind = random.next();
  if (kind < 0.6) return random.pick(texts);
  if (kind < 0.75) return random.pick(numbers);
  if (kind < 0.85) return spelled(random.pick(spellings));
  return kind < 0.93 ? random.chance(0.5) : null;
}

/** A target value of any kind. */
export function makeTarget(random: Random): Json {
  const kind = random.next();
  if (kind < 0.35) return makeScalarTarget(random);
  const elements = Array.from({ length: random.below(6) }, () => makeScalarTarget(random));
  if (random.chance(0.1)) elements.push(elements.slice(0, 2));
  if (kind < 0.9) return elements;
  const keys = [...elements.filter((element) => typeof element === 'string'), 'a', 'b'];
  return Object.fromEntries(keys.map((key, index) => [key, elements[index] ?? true]));
}

/** Patterns in the common part of the regular expression dialects, and some beyond it. */
export const patterns: readonly string[] = [
  '',
  'a',
  '^a',
  'b$',
  '^$',
  '[a-c]+',
  '(?i)abc',
  '(?i)É',
  '\\d+',
  '^\\w+@\\w+\\.com$',
  '\\s',
  '\\bfoo\\b',
  'o.b',
  'o w',
  'hello.world',
  '(?s)hello.world',
  '(?m)^world$',
  '(?x) a b # comment',
  '^(a|b|ab)*$',
  '(a+)+$',
  'a{2,3}',
  'a{90}',
  '[^\\d]',
  '\\p{L}',
  '\\p{Lu}',
  '\\pL',
  '[[:digit:]]+',
  '[a-z&&[^b]]',
  '(?P<n>a)b',
  '(?<n>a)b',
  '(?=a)a',
  '(?!a)',
  '(?<=o)\\.',
  '(.)\\1',
  '\\x41',
  '\\x{1F600}',
  '\\u{e9}',
  '日.',
  '^.$',
  '[',
  '(',
  'a**',
  'a{',
  '\\',
  '*a',
  '\\q',
  '\\A1',
  '1\\z',
  '(?-u)a',
  '(?i:A)b',
  'a|',
  '[]a]',
  '[^]',
  '\\-',
  '\\/',
  '-',
  ']',
  '}',
  'a{,3}',
  '\\<a',
];
