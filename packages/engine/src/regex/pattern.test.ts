import assert from 'node:assert/strict';
import fc from 'fast-check';
import { compilePattern } from './pattern.js';

function matches(source: string, text: string): boolean | string {
  const pattern = compilePattern(source);
  return 'problem' in pattern ? pattern.problem : pattern.matches(text);
}

/** Pattern, texts that it matches, texts that it does not. */
const table: [source: string, yes: string[], no: string[]][] = [
  ['', ['', 'a'], []],
  ['^a|b$', ['ax', 'xb'], ['xa', 'bx']],
  ['(?i)straße', ['STRAßE'], ['strasse']],
  ['(?i)k', ['\u212a'], ['x']],
  ['(?x) a b # words', ['ab'], ['a b']],
  ['a(?i)B', ['ab', 'aB'], ['AB']],
  ['(?i:A)b', ['ab'], ['aB']],
  ['(?s)a.b', ['a\nb'], ['ab']],
  ['a.b', ['a😀b'], ['a\nb']],
  ['(?m)^b$', ['a\nb\nc'], ['ab']],
  ['^\\d+$', ['12', '٣'], ['a']],
  ['^\\w\\W$', ['é!'], ['ab']],
  ['\\bfoo\\b', ['a foo b'], ['afoo']],
  ['\\b{start}foo', ['a foo'], ['afoo']],
  ['[a-c&&[^b]]', ['a', 'c'], ['b', 'd']],
  ['[a-c--b]', ['a'], ['b']],
  ['^[a-c~~b-d]$', ['a', 'd'], ['b', 'c']],
  ['[]a]', [']', 'a'], ['b']],
  ['[[:alpha:]\\d]', ['a', '1'], ['-']],
  ['\\p{Greek}', ['α'], ['a']],
  ['\\p{uppercaseletter}', ['É'], ['é']],
  ['^\\P{L}$', ['1'], ['a']],
  ['\\x41\\u{e9}\\t', ['Aé\t'], ['A']],
  ['a{2,3}$', ['aa', 'aaa'], ['a']],
  ['a{', ['a{'], ['a']],
  ['^a{,2}$', ['', 'aa'], ['aaa']],
  ['(?P<n>a)(?P=n)', ['aa'], ['ab']],
  ['(.)\\1', ['abb'], ['abc']],
  ['(?<=o)x(?!y)', ['oxz'], ['oxy', 'x']],
  ['^(?>a+)b', ['aab'], ['aac']],
  ['a++a', [], ['aaa']],
  ['a\\Z', ['a\n\n'], ['a\nb']],
];

describe('patterns', () => {
  for (const [source, yes, no] of table) {
    it(source || 'the empty pattern', () => {
      for (const text of yes) assert.equal(matches(source, text), true, JSON.stringify(text));
      for (const text of no) assert.equal(matches(source, text), false, JSON.stringify(text));
    });
  }

  it('refuses what is not a pattern', () => {
    const broken = [
      '[',
      '(',
      ')',
      'a**',
      '*a',
      '\\',
      '\\q',
      '[z-a]',
      '[\\d-z]',
      '(?z)a',
      '\\2(a)',
      '(?=a)*',
      '\\p{Nope}',
      'a{3,2}',
    ];
    for (const source of broken) assert.equal(typeof matches(source, 'a'), 'string', source);
  });

  it('refuses patterns that could run away, and runs the regular ones in linear time', () => {
    assert.match(String(matches('(?=a)(a+)+$', 'a')), /run away/);
    assert.match(String(matches('(x?){50}\\1', 'a')), /run away/);
    assert.match(String(matches('((a{1000}){1000}){1000}', 'a')), /too large/);
    const started = performance.now();
    assert.equal(matches('(a+)+$', `${'a'.repeat(20_000)}b`), false);
    assert.equal(matches('^(a|b|ab)*c$', 'ab'.repeat(10_000)), false);
    assert.equal(matches('(.*)(.*)(.*)(?!x)y', 'a'.repeat(20_000)), false);
    assert.ok(performance.now() - started < 5000);
  });

  it('survives deep nesting and any text as a pattern', () => {
    assert.equal(typeof matches('('.repeat(50_000), 'a'), 'string');
    assert.equal(typeof matches('['.repeat(50_000), 'a'), 'string');
    fc.assert(fc.property(fc.string({ unit: 'binary' }), fc.string(), (source, text) => void matches(source, text)));
  });

  it('agrees with the platform on the common part of the syntax', () => {
    const atom = fc.constantFrom('a', 'b', '.', '[ab]', '[^a]', '(a|b)', '(?:ab)');
    const repeated = fc
      .tuple(atom, fc.constantFrom('', '', '*', '+', '?', '{1,2}'))
      .map(([left, right]) => left + right);
    const piece = fc.oneof({ weight: 3, arbitrary: repeated }, fc.constantFrom('^', '$', '\\b', '\\B', '|'));
    const source = fc.array(piece, { maxLength: 6 }).map((pieces) => pieces.join(''));
    const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '\n', ' '), maxLength: 8 });
    fc.assert(
      fc.property(source, text, (pattern, subject) => {
        assert.equal(matches(pattern, subject), new RegExp(pattern, 'u').test(subject));
      }),
      { numRuns: 2000 },
    );
  });
});
