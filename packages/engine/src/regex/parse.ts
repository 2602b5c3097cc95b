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
  isLazy: false,
};

/** The syntax tree of a pattern, and how many groups capture. Throws `PatternError`. */
export function parsePattern(source: string): { readonly root: RegexNode; readonly groups: number } {
  const parser = new Parser(source);
  const root = parser.readChoice(0);
  if (!parser.cursor.isAtEnd) throw new PatternError('unopened )');
  parser.checkReferences();
  return { root, groups: parser.groups };
}

const letterAssertions: Readonly<Record<string, Assertion>> = {
  A: 'textStart',
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

/** `\\G`: where the search begins. Unlike other places it may not be repeated. */
const searchStart: RegexNode = { kind: 'assert', what: 'textStart' };

const noNode: RegexNode = { kind: 'empty' };

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
        isLazy: false,
      },
      { kind: 'assert', what: 'textEnd' },
    ],
  },
};

const plainBounds = /\{(?:([0-9]+)|([0-9]*),([0-9]*))\}/y;
const verboseBounds = /\{\s*(?:([0-9]+)|([0-9]*)\s*,\s*([0-9]*))\s*\}/y;
const plainFlags = /([imsuUx]*)(?:(-)([imsUx]*))?([:)])/y;
const verboseFlags = /([imsuUx\s]*)(?:(-)([imsUx\s]*))?([:)])/y;
const groupName = /\?P?<([\p{L}\p{N}_]+)>|\?'([\p{L}\p{N}_]+)'/uy;
const namedReference = /k(?:<(-?[\p{L}\p{N}_]+)>|'(-?[\p{L}\p{N}_]+)')/uy;
const conditionGroup = /([0-9]+)\)|<(-?[\p{L}\p{N}_]+)>\)|'(-?[\p{L}\p{N}_]+)'\)/uy;

class Parser {
  readonly cursor: Cursor;
  #flags: Flags = noFlags;
  #captures = 0;
  readonly #names = new Map<string, number>();
  readonly #references: number[] = [];
  #hasNumbered = false;

  get groups(): number {
    return this.#captures;
  }

  constructor(source: string) {
    this.cursor = new Cursor(source);
  }

  checkReferences(): void {
    for (const index of this.#references) {
      if (index > this.#captures) throw new PatternError(`there is no group ${index}`);
    }
  }

  readChoice(depth: number): RegexNode {
    if (depth > nestingMax) throw new PatternError('nested too deeply');
    const options = [this.#readSequence(depth)];
    while (this.cursor.take('|')) options.push(this.#readSequence(depth));
    const [only] = options;
    if (options.length > 1 || only === undefined) return { kind: 'choice', options };
    // The reference does not look after alternatives.
    if (this.#hasNumbered && this.#names.size > 0) throw new PatternError('refers by number to groups with names');
    return only;
  }

  #readSequence(depth: number): RegexNode {
    const parts: RegexNode[] = [];
    for (;;) {
      this.#skipComments();
      if (this.cursor.isAtEnd || this.cursor.sees('|') || this.cursor.sees(')')) break;
      const atom = this.#readAtom(depth);
      if (atom === undefined) continue;
      parts.push(this.#readRepeats(atom));
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : { kind: 'sequence', parts };
  }

  #skipComments(): void {
    this.cursor.skipComments(this.#flags.isVerbose);
  }

  /** At most one repetition, lazy or possessive or neither; another one behind it has nothing to repeat. */
  #readRepeats(atom: RegexNode): RegexNode {
    this.#skipComments();
    const bounds = this.#readBounds();
    if (bounds === undefined) return atom;
    const [min, max] = bounds;
    if (max < min) throw new PatternError('a repetition has its bounds the wrong way round');
    const isEmpty = atom.kind === 'empty' || (atom.kind === 'sequence' && atom.parts.length === 0);
    if (isEmpty || atom === searchStart || atom.kind === 'look') throw new PatternError(nothing);
    this.#skipComments();
    const isSwapped = this.cursor.take('?');
    const isPossessive = this.cursor.take('+');
    const node: RegexNode = { kind: 'repeat', body: atom, min, max, isLazy: isSwapped !== this.#flags.isLazy };
    if (this.cursor.sees('{') && this.#readBounds() !== undefined) throw new PatternError(nothing);
    return isPossessive ? { kind: 'atomic', body: node } : node;
  }

  /** Undefined where there is no repetition; a brace that is none is a plain character. */
  #readBounds(): readonly [min: number, max: number] | undefined {
    if (this.cursor.take('*')) return [0, Number.POSITIVE_INFINITY];
    if (this.cursor.take('+')) return [1, Number.POSITIVE_INFINITY];
    if (this.cursor.take('?')) return [0, 1];
    const match = this.cursor.takeMatch(this.#flags.isVerbose ? verboseBounds : plainBounds);
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
    const numbered = cursor.takeMatch(/([1-9][0-9]*)/y);
    if (numbered !== undefined) this.#hasNumbered = true;
    const reference = numbered ?? cursor.takeMatch(namedReference);
    if (reference !== undefined) return this.#refer(reference);
    if (Object.hasOwn(letterAssertions, letter)) {
      cursor.next();
      return { kind: 'assert', what: letterAssertions[letter] ?? 'textStart' };
    }
    if (cursor.take('O')) return this.#set('[\\s\\S]');
    // \K only moves where a match begins.
    if (cursor.take('K')) return noNode;
    if (cursor.take('G')) return searchStart;
    if (cursor.take('Z')) return beforeLastNewlines;
    const named = cursor.takeProperty() ?? this.#takePerlClass(letter);
    return named === undefined ? this.#literal(cursor.takeEscapedCharacter(false)) : this.#set(named);
  }

  #takePerlClass(letter: string): string | undefined {
    const source = perlClass(letter);
    if (source !== undefined) this.cursor.next();
    return source;
  }

  #refer(match: RegExpExecArray): RegexNode {
    return { kind: 'back', index: this.#groupNamed(match), ignoresCase: this.#flags.ignoresCase };
  }

  /** By name, by number, or by number back from here. */
  #groupNamed(match: RegExpExecArray): number {
    const name = match.slice(1).find((text) => text !== undefined) ?? '';
    const number = /^-?[0-9]+$/.test(name) ? Number(name) : undefined;
    const index = this.#names.get(name) ?? (number === undefined || number > 0 ? number : this.#captures + number + 1);
    if (index === undefined || index < 1) throw new PatternError(`there is no group ${name}`);
    this.#references.push(index);
    return index;
  }

  #readGroup(depth: number): RegexNode | undefined {
    const cursor = this.cursor;
    const outer = this.#flags;
    this.#skipComments();
    const look = cursor.takeMatch(/\?(<?)([=!])/y);
    const back = cursor.takeMatch(/\?P=([\p{L}\p{N}_]+)\)/uy);
    if (back !== undefined) return this.#refer(back);
    if (look === undefined && cursor.takeText('?(')) return this.#readCondition(depth);
    const isAtomic = look === undefined && cursor.takeText('?>');
    const named = look === undefined && !isAtomic ? cursor.takeMatch(groupName) : undefined;
    const name = named?.[1] ?? named?.[2];
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

  /** Behind `(?(`: the number or name of a group, or an expression. */
  #readCondition(depth: number): RegexNode {
    const group = this.cursor.takeMatch(conditionGroup);
    const test: RegexNode =
      group === undefined ? this.#readBody(depth) : { kind: 'isSet', index: this.#groupNamed(group) };
    if (this.cursor.take(')')) {
      if (group === undefined) throw new PatternError('a condition without anything to match');
      return test;
    }
    const body = this.#readBody(depth);
    const [yes = body, ...others] = body.kind === 'choice' ? body.options : [body];
    return { kind: 'condition', test, yes, no: others.length === 0 ? noNode : { kind: 'choice', options: others } };
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
    const match = this.cursor.takeMatch(this.#flags.isVerbose ? verboseFlags : plainFlags);
    if (match === undefined) throw new PatternError('unknown group or flag');
    const [, on = '', minus, off = '', end] = match;
    const isNothing = on === '' && off === '' && (end === ')' || minus !== undefined);
    if (isNothing) throw new PatternError(nothing);
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
    case 'U':
      return { ...flags, isLazy: isOn };
    default:
      // u: characters are Unicode's anyway.
      return flags;
  }
}
