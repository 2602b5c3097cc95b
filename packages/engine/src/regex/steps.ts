/** The steps of a regular pattern (Thompson's construction), in reading direction or against it. */
import { type Assertion, type LookNode, PatternError, type RegexNode } from './ast.js';
import { type CharacterTest, compileSet } from './classes.js';

/** More steps than this are refused, so that a pattern has a bounded size. */
const stepsMax = 20_000;

/** One step: read a character, check a place, go two ways, or be done. */
export type Step =
  | { readonly kind: 'read'; readonly test: CharacterTest; readonly next: number }
  | { readonly kind: 'check'; readonly what: Assertion; readonly next: number }
  | { readonly kind: 'look'; readonly look: number; readonly isNegative: boolean; readonly next: number }
  | { readonly kind: 'fork'; next: number; readonly other: number }
  | { readonly kind: 'done' };

export interface Steps {
  readonly steps: readonly Step[];
  readonly start: number;
}

/** The steps of a pattern; `lookOf` numbers the look-arounds in it. Throws `PatternError`. */
export function buildSteps(root: RegexNode, isBackward: boolean, lookOf: (node: LookNode) => number): Steps {
  const builder = new Builder(isBackward, lookOf);
  const start = builder.build(root, builder.done);
  return { steps: builder.steps, start };
}

class Builder {
  readonly steps: Step[] = [];
  readonly done = this.#add({ kind: 'done' });
  readonly #isBackward: boolean;
  readonly #lookOf: (node: LookNode) => number;

  constructor(isBackward: boolean, lookOf: (node: LookNode) => number) {
    this.#isBackward = isBackward;
    this.#lookOf = lookOf;
  }

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
      case 'look':
        return this.#add({ kind: 'look', look: this.#lookOf(node), isNegative: node.isNegative, next });
      case 'sequence':
        return this.#isBackward
          ? node.parts.reduce((after, part) => this.build(part, after), next)
          : node.parts.reduceRight((after, part) => this.build(part, after), next);
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

  #repeat({ body, min, max }: Extract<RegexNode, { kind: 'repeat' }>, next: number): number {
    let first = next;
    if (max === Number.POSITIVE_INFINITY) {
      const loop: Extract<Step, { kind: 'fork' }> = { kind: 'fork', next, other: next };
      first = this.#add(loop);
      loop.next = this.build(body, first);
    } else {
      for (let i = min; i < max; i++) first = this.#add({ kind: 'fork', next: this.build(body, first), other: next });
    }
    for (let i = 0; i < min; i++) first = this.build(body, first);
    return first;
  }
}
