/** A place in a pattern, and the small things that can be read there. */
import { PatternError } from './ast.js';
import { unicodeClass } from './classes.js';

/** Flags in force, as `(?imsx)` sets them. */
export interface Flags {
  readonly ignoresCase: boolean;
  readonly isMultiLine: boolean;
  readonly isDotAll: boolean;
  readonly isVerbose: boolean;
  /** `U`: repetitions are lazy, and greedy with a `?`. */
  readonly isLazy: boolean;
}

const controls: Readonly<Record<string, number>> = { a: 7, e: 27, f: 12, n: 10, r: 13, t: 9, v: 11 };
/** Escapes that stand for themselves inside a class. */
const plainInClasses = 'AzBkKG';
const hexPattern = /x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|[xuU]\{([0-9A-Fa-f]{1,8})\}/y;

export class Cursor {
  readonly #source: string;
  at = 0;

  constructor(source: string) {
    this.#source = source;
  }

  get isAtEnd(): boolean {
    return this.at >= this.#source.length;
  }

  /** The character here; empty at the end. */
  peek(): string {
    return String.fromCodePoint(...this.#codeHere());
  }

  #codeHere(): number[] {
    const code = this.#source.codePointAt(this.at);
    return code === undefined ? [] : [code];
  }

  next(): number {
    const code = this.#source.codePointAt(this.at);
    if (code === undefined) throw new PatternError('ends too early');
    this.at += code > 0xffff ? 2 : 1;
    return code;
  }

  sees(text: string): boolean {
    return this.#source.startsWith(text, this.at);
  }

  take(text: string): boolean {
    return this.takeText(text);
  }

  takeText(text: string): boolean {
    if (!this.sees(text)) return false;
    this.at += text.length;
    return true;
  }

  /** A match of a sticky pattern right here. */
  takeMatch(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.at;
    const match = pattern.exec(this.#source);
    if (match === null) return undefined;
    this.at += match[0].length;
    return match;
  }

  /** Comments, and in verbose patterns white space. */
  skipComments(isVerbose: boolean): void {
    for (;;) {
      const before = this.at;
      if (isVerbose) this.takeMatch(/(?:[ \r\n\t]|#[^\n]*)*/y);
      if (this.sees('(?#') && this.takeMatch(/\(\?#(?:[^)\\]|\\[\s\S])*\)/y) === undefined) {
        throw new PatternError('a comment is not finished');
      }
      if (this.at === before) return;
    }
  }

  /** `pL`, `p{Letter}` and their negations, behind a backslash. */
  takeProperty(): string | undefined {
    if (!this.sees('p') && !this.sees('P')) return undefined;
    const match = this.takeMatch(/([pP])(?:\{([^}]*)\}|([^{]))/uy);
    if (match === undefined) throw new PatternError('a property is not finished');
    return unicodeClass((match[2] ?? match[3] ?? '').trim(), match[1] === 'P');
  }

  /** The character that an escape stands for, behind its backslash. */
  takeEscapedCharacter(isInClass: boolean): number {
    const hex = this.takeMatch(hexPattern);
    if (hex !== undefined) return checkScalar(Number.parseInt(hex[1] ?? hex[2] ?? hex[3] ?? hex[4] ?? '', 16));
    const code = this.next();
    const letter = String.fromCodePoint(code);
    if (Object.hasOwn(controls, letter)) return controls[letter] ?? 0;
    if (isInClass && letter === 'b') return 8;
    if (isInClass && plainInClasses.includes(letter)) return code;
    if (/[0-9A-Za-z]/.test(letter)) throw new PatternError(`unknown escape \\${letter}`);
    return code;
  }
}

function checkScalar(code: number): number {
  const isScalar = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
  if (!isScalar) throw new PatternError('an escape is not a character');
  return code;
}
