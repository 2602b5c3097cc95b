/** Parses `[…]`: ranges, nested classes, and the set operators `&&`, `--` and `~~`. */
import { PatternError } from './ast.js';
import { characterSource, perlClass, posixClass } from './classes.js';
import type { Cursor } from './cursor.js';

const nestingMax = 50;

export class ClassParser {
  readonly #cursor: Cursor;

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
  }

  /** The class behind an opening bracket, in the `v` syntax of JavaScript. */
  readClass(depth = 0): string {
    if (depth > nestingMax) throw new PatternError('nested too deeply');
    const cursor = this.#cursor;
    const isNegated = cursor.take('^');
    let left = this.#readUnion(depth, true);
    for (;;) {
      if (cursor.take(']')) return isNegated ? `[^${left}]` : left;
      const operator = ['&&', '--', '~~'].find((text) => cursor.takeText(text));
      if (operator === undefined) throw new PatternError('unclosed [');
      left = combine(left, operator, this.#readUnion(depth, false));
    }
  }

  /** Members up to the end or the next operator. Right at the start, `]` and `-` are plain characters. */
  #readUnion(depth: number, isFirst: boolean): string {
    const cursor = this.#cursor;
    const members: string[] = [];
    if (isFirst) {
      while (cursor.sees('-')) {
        cursor.next();
        members.push(characterSource(0x2d));
      }
      if (members.length === 0 && cursor.sees(']')) {
        cursor.next();
        members.push(characterSource(0x5d));
      }
    }
    for (;;) {
      if (cursor.isAtEnd) throw new PatternError('unclosed [');
      if (cursor.sees(']') || cursor.sees('&&') || cursor.sees('--') || cursor.sees('~~')) break;
      members.push(this.#readMember(depth));
    }
    return `[${members.join('')}]`;
  }

  #readMember(depth: number): string {
    const cursor = this.#cursor;
    if (cursor.sees('[')) {
      const start = cursor.at;
      const posix = posixClass(cursor.takeMatch(/\[:(\^?[a-z]+):\]/y)?.[1] ?? '');
      if (posix !== undefined) return posix;
      cursor.at = start + 1;
      return this.readClass(depth + 1);
    }
    const first = this.#readCharacter();
    if (typeof first !== 'string') return this.#readRange(first);
    if (cursor.sees('-') && !cursor.sees('-]') && !cursor.sees('--'))
      throw new PatternError('a range begins with a class');
    return first;
  }

  #readRange(first: number): string {
    const cursor = this.#cursor;
    if (!cursor.sees('-') || cursor.sees('-]') || cursor.sees('--')) return characterSource(first);
    cursor.next();
    const last = this.#readCharacter();
    if (typeof last === 'string') throw new PatternError('a range ends with a class');
    if (last < first) throw new PatternError('a range has its ends the wrong way round');
    return `${characterSource(first)}-${characterSource(last)}`;
  }

  /** A code point, or the source of a class such as `\d`. */
  #readCharacter(): number | string {
    const cursor = this.#cursor;
    if (!cursor.take('\\')) return cursor.next();
    const property = cursor.takeProperty();
    if (property !== undefined) return property;
    const named = perlClass(cursor.peek());
    if (named === undefined) return cursor.takeEscapedCharacter(true);
    cursor.next();
    return named;
  }
}

function combine(left: string, operator: string, right: string): string {
  if (operator === '~~') return `[[${left}${right}]--[${left}&&${right}]]`;
  return `[${left}${operator}${right}]`;
}
