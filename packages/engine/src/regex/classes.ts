/** Character classes by name, in the `v` syntax of JavaScript, and tests of single characters. */
import { type CharacterSet, PatternError } from './ast.js';

const perlClasses: Readonly<Record<string, string>> = {
  d: '\\p{Nd}',
  s: '\\p{White_Space}',
  w: '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}',
  h: '0-9A-Fa-f',
};

const posixClasses: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7F',
  blank: '\\t\\x20',
  cntrl: '\\x00-\\x1F\\x7F',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: '\\x20-~',
  punct: '\\x21-\\x2F\\x3A-\\x40\\x5B-\\x60\\x7B-\\x7E',
  space: '\\t-\\r\\x20',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};

/** One character as a class member. */
export function characterSource(code: number): string {
  return `\\u{${code.toString(16)}}`;
}

/** `\d`, `\W`, …; undefined for letters that name no class. */
export function perlClass(letter: string): string | undefined {
  const lowered = letter.toLowerCase();
  const members = Object.hasOwn(perlClasses, lowered) ? perlClasses[lowered] : undefined;
  if (members === undefined) return undefined;
  return letter === lowered ? `[${members}]` : `[^${members}]`;
}

/** `[:alpha:]` or `[:^alpha:]`; undefined where the name is none, and the brackets are ordinary ones. */
export function posixClass(name: string): string | undefined {
  const isNegated = name.startsWith('^');
  const key = isNegated ? name.slice(1) : name;
  if (!Object.hasOwn(posixClasses, key)) return undefined;
  return `[${isNegated ? '^' : ''}${posixClasses[key]}]`;
}

/** `\p{…}`, whose names may be spelled loosely. */
export function unicodeClass(text: string, isNegated: boolean): string {
  const [, property = '', operator, value = ''] = /^([^=:!]*)(=|:|!=)?(.*)$/s.exec(text) ?? [];
  const isInverted = isNegated !== (operator === '!=');
  for (const candidate of candidates(property, operator === undefined ? undefined : value)) {
    const source = `\\${isInverted ? 'P' : 'p'}{${candidate}}`;
    if (isValidClass(source)) return `[${source}]`;
  }
  throw new PatternError(`unknown property \\p{${text}}`);
}

/** Names whose spelling cannot be derived; categories may also be written without the line between the words. */
const knownNames: ReadonlyMap<string, string> = new Map(
  [
    ...['Any', 'ASCII', 'Assigned', 'sc', 'scx', 'gc'],
    ...['Cased_Letter', 'Uppercase_Letter', 'Lowercase_Letter', 'Titlecase_Letter', 'Modifier_Letter', 'Other_Letter'],
    ...['Nonspacing_Mark', 'Spacing_Mark', 'Enclosing_Mark', 'Decimal_Number', 'Letter_Number', 'Other_Number'],
    ...['Connector_Punctuation', 'Dash_Punctuation', 'Open_Punctuation', 'Close_Punctuation', 'Other_Punctuation'],
    ...['Initial_Punctuation', 'Final_Punctuation', 'Math_Symbol', 'Currency_Symbol', 'Modifier_Symbol'],
    ...['Other_Symbol', 'Space_Separator', 'Line_Separator', 'Paragraph_Separator', 'Private_Use', 'White_Space'],
  ].map((name) => [name.toLowerCase().replace('_', ''), name]),
);

function* candidates(property: string, value: string | undefined): Iterable<string> {
  for (const name of spellings(value ?? property)) {
    if (value !== undefined) {
      for (const key of spellings(property)) yield `${key}=${name}`;
      continue;
    }
    yield name;
    yield `Script=${name}`;
  }
}

function* spellings(authored: string): Iterable<string> {
  const name = authored.replace(/^is(?=.)/i, '');
  yield name;
  const words = name.toLowerCase().split(/[_\s-]+/);
  yield words.map((word) => word.slice(0, 1).toUpperCase() + word.slice(1)).join('_');
  yield name.toUpperCase();
  const known = knownNames.get(words.join(''));
  if (known !== undefined) yield known;
}

function isValidClass(source: string): boolean {
  try {
    return new RegExp(source, 'v').source !== '';
  } catch {
    return false;
  }
}

/** Tests single characters by code point. */
export type CharacterTest = (code: number) => boolean;

const testsBySet = new Map<string, CharacterTest>();
const testsMax = 1000;

/** The test of a set; its ASCII part is a table. */
export function compileSet({ source, ignoresCase }: CharacterSet): CharacterTest {
  const key = `${ignoresCase ? 'i' : ''}${source}`;
  let test = testsBySet.get(key);
  if (test === undefined) {
    test = makeTest(source, ignoresCase);
    // A program that is patched for ever must not remember every class that it ever had.
    if (testsBySet.size >= testsMax) testsBySet.clear();
    testsBySet.set(key, test);
  }
  return test;
}

function makeTest(source: string, ignoresCase: boolean): CharacterTest {
  let regex: RegExp;
  try {
    regex = new RegExp(`^${source}$`, ignoresCase ? 'vi' : 'v');
  } catch {
    throw new PatternError(`the class ${source} is not valid`);
  }
  const ascii = Uint8Array.from({ length: 128 }, (_, code) => (regex.test(String.fromCharCode(code)) ? 1 : 0));
  return (code) => (code < 128 ? ascii[code] === 1 : regex.test(String.fromCodePoint(code)));
}

/** Whether a character belongs to words, for `\b`. */
export const isWordCharacter: CharacterTest = makeTest('[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]', false);
