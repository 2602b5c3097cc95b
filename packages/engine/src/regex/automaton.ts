/**
 * Searches in time linear in the text: all ways to match advance together, one character at a time
 * (Thompson's construction), so that no pattern can run away.
 */
import { type Assertion, PatternError, type RegexNode } from './ast.js';
import { type CharacterTest, compileSet, isWordCharacter } from './classes.js';
import type { Pattern } from './pattern.js';

/** More steps than this are refused: a search costs at most steps × characters. */
const stepsMax = 20_000;

/** One step: read a character, check a place, go two ways, or be done. */
type Step =
  | { readonly kind: 'read'; readonly test: CharacterTest; next: number }
  | { readonly kind: 'check'; readonly what: Assertion; next: number }
  | { readonly kind: 'fork'; next: number; other: number }
  | { readonly kind: 'done' };

/** Compiles a pattern without look-around, references or atomic groups. */
export function compileAutomaton(root: RegexNode): Pattern {
  const builder = new Builder();
  const start = builder.build(root, builder.done);
  return new Automaton(builder.steps, start);
}

class Builder {
  readonly steps: Step[] = [];
  readonly done = this.#add({ kind: 'done' });

  #add(step: Step): number {
    if (this.steps.length >= stepsMax) throw new PatternError('too large');
    return this.steps.push(step) - 1;
  }

  /** Adds the steps of a node in front of `next`; returns the first of them. */
  build(node: RegexNode, next: number): number {
    switch (node.kind) {
      case 'empty':
        return next;
      case 'set':
        return this.#add({ kind: 'read', test: compileSet(node.set), next });
      case 'assert':
        return this.#add({ kind: 'check', what: node.what, next });
      case 'sequence':
        return node.parts.reduceRight((after, part) => this.build(part, after), next);
      case 'choice':
        return node.options
          .map((option) => this.build(option, next))
          .reduceRight((other, first) => this.#add({ kind: 'fork', next: first, other }));
      case 'repeat':
        return this.#repeat(node, next);
      case 'capture':
        return this.build(node.body, next);
      default:
        throw new PatternError(`${node.kind} is not regular`);
    }
  }

  #repeat(node: Extract<RegexNode, { kind: 'repeat' }>, next: number): number {
    let first = next;
    if (node.max === Number.POSITIVE_INFINITY) {
      const loop: Step = { kind: 'fork', next, other: next };
      first = this.#add(loop);
      loop.next = this.build(node.body, first);
    } else {
      for (let i = node.min; i < node.max; i++) {
        first = this.#add({ kind: 'fork', next: this.build(node.body, first), other: next });
      }
    }
    for (let i = 0; i < node.min; i++) first = this.build(node.body, first);
    return first;
  }
}

class Automaton implements Pattern {
  readonly #steps: readonly Step[];
  readonly #start: number;
  /** By step: the turn in which it was last entered. */
  readonly #entered: Float64Array;
  #turn = 0;
  #current: number[] = [];
  #following: number[] = [];
  readonly #pending: number[] = [];

  constructor(steps: readonly Step[], start: number) {
    this.#steps = steps;
    this.#start = start;
    this.#entered = new Float64Array(steps.length);
  }

  matches(text: string): boolean {
    this.#current.length = 0;
    this.#turn++;
    let before = -1;
    for (let at = 0; ; ) {
      const code = at < text.length ? (text.codePointAt(at) ?? -1) : -1;
      // The search starts at every place; reads left over from before come first in `current`.
      if (this.#settle(before, code)) return true;
      if (code < 0) return false;
      this.#advance(code);
      before = code;
      at += code > 0xffff ? 2 : 1;
    }
  }

  /** Follows forks and checks at this place, from the start and from what was reached. True: a match. */
  #settle(before: number, after: number): boolean {
    const reached = this.#following;
    this.#following = [];
    this.#current.length = 0;
    this.#turn++;
    for (const step of reached) if (this.#enter(step, before, after)) return true;
    return this.#enter(this.#start, before, after);
  }

  #enter(first: number, before: number, after: number): boolean {
    const pending = this.#pending;
    pending.length = 0;
    pending.push(first);
    for (;;) {
      const index = pending.pop();
      if (index === undefined) return false;
      if (this.#entered[index] === this.#turn) continue;
      this.#entered[index] = this.#turn;
      const step = this.#steps[index];
      if (step === undefined) continue;
      if (step.kind === 'done') return true;
      if (step.kind === 'read') this.#current.push(index);
      else if (step.kind === 'fork') pending.push(step.other, step.next);
      else if (holds(step.what, before, after)) pending.push(step.next);
    }
  }

  #advance(code: number): void {
    for (const index of this.#current) {
      const step = this.#steps[index];
      if (step?.kind === 'read' && step.test(code)) this.#following.push(step.next);
    }
  }
}

const newline = 10;

/** Whether an assertion holds between two characters; −1 is the end of the text. */
function holds(what: Assertion, before: number, after: number): boolean {
  switch (what) {
    case 'textStart':
      return before < 0;
    case 'textEnd':
      return after < 0;
    case 'lineStart':
      return before < 0 || before === newline;
    case 'lineEnd':
      return after < 0 || after === newline;
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

function isWord(code: number): boolean {
  return code >= 0 && isWordCharacter(code);
}
