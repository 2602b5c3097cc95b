/** The text being searched, as code points, and what can be said about a place in it. */
import type { Assertion } from './ast.js';
import { isWordCharacter } from './classes.js';

/** No character: the text is over, in either direction. */
export const edge = -1;

/** Searches run one at a time, and so share an array, unless the text is long. */
const shared = new Int32Array(4096);

export interface Subject {
  readonly codes: Int32Array;
  /** Characters; `codes` may be longer. */
  readonly length: number;
}

export function readSubject(text: string): Subject {
  const codes = text.length <= shared.length ? shared : new Int32Array(text.length);
  let length = 0;
  for (let at = 0; at < text.length; at++) {
    let code = text.charCodeAt(at);
    if (code >= 0xd800 && code < 0xdc00) {
      code = text.codePointAt(at) ?? code;
      if (code > 0xffff) at++;
    }
    codes[length++] = code;
  }
  return { codes, length };
}

/** The character that begins at a place. */
export function characterAfter({ codes, length }: Subject, place: number): number {
  return place < length ? (codes[place] as number) : edge;
}

/** The character that ends at a place. */
export function characterBefore({ codes }: Subject, place: number): number {
  return place > 0 ? (codes[place - 1] as number) : edge;
}

const newline = 10;

/** Whether an assertion holds between two characters. */
export function holdsBetween(what: Assertion, before: number, after: number): boolean {
  switch (what) {
    case 'textStart':
      return before === edge;
    case 'textEnd':
      return after === edge;
    case 'lineStart':
      return before === edge || before === newline;
    case 'lineEnd':
      return after === edge || after === newline;
    case 'wordBoundary':
      return isWord(before) !== isWord(after);
    case 'notWordBoundary':
      return isWord(before) === isWord(after);
    case 'wordStart':
      return !isWord(before) && isWord(after);
    case 'wordEnd':
      return isWord(before) && !isWord(after);
    case 'wordStartHalf':
      return !isWord(before);
    case 'wordEndHalf':
      return !isWord(after);
  }
}

/** All that assertions can see of a character: the edge of the text, a newline, part of a word, or none of these. */
export function kindOf(code: number): number {
  if (code === edge) return 0;
  if (code === newline) return 1;
  return isWord(code) ? 2 : 3;
}

function isWord(code: number): boolean {
  return code !== edge && isWordCharacter(code);
}
