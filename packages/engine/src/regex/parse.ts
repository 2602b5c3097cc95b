/** Parses the syntax of Rust's `regex`, with the additions of `fancy-regex`. */
import { type Assertion, PatternError, type RegexNode } from './ast.js';
import { characterSource, perlClass } from './classes.js';
import { Cursor, type Flags } from './cursor.js';
import { ClassParser } from './parse-class.js';

/** Deeper nesting than this is refused; recursion stays bounded. */
const nestingMax = 100;
const repeatMax = 100_000;
const nothing = 'there is nothing to repeat';

const noFlags: Flags = {
  ignoresCase: false,
  isMultiLine: false,
  isDotAll: false,
  isVerbose: false,
};

/** The syntax tree of a pattern. Throws `PatternError`. */
export function parsePattern(source: string): RegexNode {
  const parser = new Parser(source);
  const node = parser.readChoice(0);
  if (!parser.cursor.isAtEnd) throw new PatternError('unopened )');
  parser.checkReferences();
  return node;
}

const letterAssertions: Readonly<Record<string, Assertion>> = {
  A: 'textStart',
  G: 'textStart',
  z: 'textEnd',
  b: 'wordBoundary',
  B: 'notWordBoundary',
  '<': 'wordStart',
  '>': 'wordEnd',
};

const braceAssertions: Readonly<Record<string, Assertion>> = {
  '{start}': 'wordStart',
  '{end}': 'wordEnd',
  '{start-half}': 'wordStartHalf',
  '{end-half}': 'wordEndHalf',
};

/** `\\Z`: only newlines follow. */
const beforeLastNewlines: RegexNode = {
  kind: 'look',
  isAhead: true,
  isNegative: false,
  body: {
    kind: 'sequence',
    parts: [
      {
        kind: 'repeat',
        body: { kind: 'set', set: { source: '[\\n]', ignoresCase: false } },
        min: 0,
        max: Number.POSITIVE_INFINITY,
      },
      { kind: 'assert', what: 'textEnd' },
    ],
  },
};

class Parser {
  readonly cursor: Cursor;
  #flags: Flags = noFlags;
  #captures = 0;
  readonly #names = new Map<string, number>();
  readonly #references: number[] = [];
  readonly #namedReferences: string[] = [];

  constructor(source: string) {
    this.cursor = new Cursor(source);
  }

  checkReferences(): void {
    for (const index of this.#references) {
      if (index > this.#captures) throw new PatternError(`there is no group ${index}`);
    }
    for (const name of this.#namedReferences) {
      if (!this.#names.has(name)) throw new PatternError(`there is no group ${name}`);
    }
  }

  readChoice(depth: number): RegexNode {
    if (depth > nestingMax) throw new PatternError('nested too deeply');
    const options = [this.#readSequence(depth)];
    while (this.cursor.take('|')) options.push(this.#readSequence(depth));
    return options.length === 1 && options[0] !== undefined ? options[0] : { kind: 'choice', options };
  }

  #readSequence(depth: number): RegexNode {
    const parts: RegexNode[] = [];
    for (;;) {
      if (this.#flags.isVerbose) this.cursor.skipComments();
      if (this.cursor.isAtEnd || this.cursor.sees('|') || this.cursor.sees(')')) break;
      const atom = this.#readAtom(depth);
      if (atom === undefined) continue;
      parts.push(this.#readRepeats(atom));
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : { kind: 'sequence', parts };
  }

  /** At most one repetition, lazy or possessive or neither; another one behind it has nothing to repeat. */
  #readRepeats(atom: RegexNode): RegexNode {
    if (this.#flags.isVerbose) this.cursor.skipComments();
    const bounds = this.#readBounds();
    if (bounds === undefined) return atom;
    const [min, max] = bounds;
    if (max < min) throw new PatternError('a repetition has its bounds the wrong way round');
    if (atom.kind === 'look' || (atom.kind === 'sequence' && atom.parts.length === 0)) throw new PatternError(nothing);
    const node: RegexNode = { kind: 'repeat', body: atom, min, max };
    const isPossessive = !this.cursor.take('?') && this.cursor.take('+');
    if (this.cursor.sees('{') && this.#readBounds() !== undefined) throw new PatternError(nothing);
    return isPossessive ? { kind: 'atomic', body: node } : node;
  }

  /** Undefined where there is no repetition; a brace that is none is a plain character. */
  #readBounds(): readonly [min: number, max: number] | undefined {
    if (this.cursor.take('*')) return [0, Number.POSITIVE_INFINITY];
    if (this.cursor.take('+')) return [1, Number.POSITIVE_INFINITY];
    if (this.cursor.take('?')) return [0, 1];
    const match = this.cursor.takeMatch(/\{(?:([0-9]+)|([0-9]*),([0-9]*))\}/y);
    if (match === undefined) return undefined;
    const min = Number(match[1] ?? match[2]);
    const max = match[1] !== undefined ? min : match[3] === '' ? Number.POSITIVE_INFINITY : Number(match[3]);
    if (min > repeatMax || (max > repeatMax && max !== Number.POSITIVE_INFINITY)) {
      throw new PatternError(`repeats more than ${repeatMax} times`);
    }
    return [min, max];
  }

  /** One atom; undefined where the text only changed flags. */
  #readAtom(depth: number): RegexNode | undefined {
    const code = this.cursor.next();
    const character = String.fromCodePoint(code);
    switch (character) {
      case '(':
        return this.#readGroup(depth);
      case '[':
        return this.#set(new ClassParser(this.cursor).readClass());
      case '.':
        return this.#set(this.#flags.isDotAll ? '[\\s\\S]' : '[^\\n]');
      case '^':
        return { kind: 'assert', what: this.#flags.isMultiLine ? 'lineStart' : 'textStart' };
      case '$':
        return { kind: 'assert', what: this.#flags.isMultiLine ? 'lineEnd' : 'textEnd' };
      case '\\':
        return this.#readEscape();
      case '*':
      case '+':
      case '?':
        throw new PatternError(nothing);
      default:
        return this.#literal(code);
    }
  }

  #set(source: string): RegexNode {
    return { kind: 'set', set: { source, ignoresCase: this.#flags.ignoresCase } };
  }

  #literal(code: number): RegexNode {
    return this.#set(`[${characterSource(code)}]`);
  }

  #readEscape(): RegexNode {
    const cursor = this.cursor;
    if (cursor.isAtEnd) throw new PatternError('ends with a backslash');
    const letter = cursor.peek();
    const braced = letter === 'b' ? cursor.takeMatch(/b(\{[a-z-]+\})/y) : undefined;
    if (braced !== undefined) {
      const what = braceAssertions[braced[1] ?? ''];
      if (what === undefined) throw new PatternError(`unknown boundary ${braced[1]}`);
      return { kind: 'assert', what };
    }
    const reference = cursor.takeMatch(/[1-9][0-9]*/y) ?? cursor.takeMatch(/k(?:<(\w+)>|'(\w+)')/y);
    if (reference !== undefined) return this.#refer(reference);
    if (Object.hasOwn(letterAssertions, letter)) {
      cursor.next();
      return { kind: 'assert', what: letterAssertions[letter] ?? 'textStart' };
    }
    // \K only moves where a match begins.
    if (cursor.take('K')) return { kind: 'empty' };
    if (cursor.take('Z')) return beforeLastNewlines;
    const named = cursor.takeProperty() ?? this.#takePerlClass(letter);
    return named === undefined ? this.#literal(cursor.takeEscapedCharacter()) : this.#set(named);
  }

  #takePerlClass(letter: string): string | undefined {
    const source = perlClass(letter);
    if (source !== undefined) this.cursor.next();
    return source;
  }

  #refer(match: RegExpExecArray): RegexNode {
    const name = match[1] ?? match[2];
    if (name === undefined) {
      this.#references.push(Number(match[0]));
      return { kind: 'back', index: Number(match[0]) };
    }
    this.#namedReferences.push(name);
    return { kind: 'back', index: this.#names.get(name) ?? 0 };
  }

  #readGroup(depth: number): RegexNode | undefined {
    const cursor = this.cursor;
    const outer = this.#flags;
    if (cursor.takeMatch(/\?#[^)]*\)/y) !== undefined) return undefined;
    const look = cursor.takeMatch(/\?(<?)([=!])/y);
    const back = cursor.takeMatch(/\?P=(\w+)\)/y);
    if (back !== undefined) return this.#refer(back);
    const isAtomic = look === undefined && cursor.takeText('?>');
    const name = look === undefined && !isAtomic ? cursor.takeMatch(/\?P?<(\w+)>/y)?.[1] : undefined;
    const isPlain = look !== undefined || isAtomic || name !== undefined;
    if (!isPlain && cursor.takeText('?')) {
      if (this.#readFlags()) return undefined;
      const body = this.#readBody(depth);
      // Only such a group ends the flags that are set inside it.
      this.#flags = outer;
      return body;
    }
    const index = look === undefined && !isAtomic ? this.#openCapture(name) : 0;
    const body = this.#readBody(depth);
    if (isAtomic) return { kind: 'atomic', body };
    if (look === undefined) return { kind: 'capture', body, index };
    return { kind: 'look', body, isAhead: look[1] === '', isNegative: look[2] === '!' };
  }

  #openCapture(name: string | undefined): number {
    const index = ++this.#captures;
    if (name === undefined) return index;
    this.#names.set(name, index);
    return index;
  }

  #readBody(depth: number): RegexNode {
    const body = this.readChoice(depth + 1);
    if (!this.cursor.take(')')) throw new PatternError('unclosed (');
    return body;
  }

  /** Flags behind `(?`. True when they hold to the end of the group around: `(?i)`. */
  #readFlags(): boolean {
    const match = this.cursor.takeMatch(/([imsUx]*)(?:-([imsUx]+))?([:)])/y);
    if (match === undefined) throw new PatternError('unknown group or flag');
    const [, on = '', off = '', end] = match;
    if (end === ')' && on === '' && off === '') throw new PatternError(nothing);
    let flags = this.#flags;
    for (const letter of on) flags = withFlag(flags, letter, true);
    for (const letter of off) flags = withFlag(flags, letter, false);
    this.#flags = flags;
    return end === ')';
  }
}

function withFlag(flags: Flags, letter: string, isOn: boolean): Flags {
  switch (letter) {
    case 'i':
      return { ...flags, ignoresCase: isOn };
    case 'm':
      return { ...flags, isMultiLine: isOn };
    case 's':
      return { ...flags, isDotAll: isOn };
    case 'x':
      return { ...flags, isVerbose: isOn };
    default:
      // U swaps greediness, which a search for yes or no does not see.
      return flags;
  }
}
