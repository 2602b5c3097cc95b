/** Regular expressions, parsed. Whether a repetition is greedy does not matter to a search that only says yes or no. */

/** A set of characters: a class in JavaScript's `v` syntax, with or without regard to case. */
export interface CharacterSet {
  readonly source: string;
  readonly ignoresCase: boolean;
}

export type Assertion =
  | 'textStart'
  | 'textEnd'
  | 'lineStart'
  | 'lineEnd'
  | 'wordBoundary'
  | 'notWordBoundary'
  | 'wordStart'
  | 'wordEnd'
  | 'wordStartHalf'
  | 'wordEndHalf';

export type RegexNode =
  | { readonly kind: 'empty' }
  | { readonly kind: 'set'; readonly set: CharacterSet }
  | { readonly kind: 'sequence'; readonly parts: readonly RegexNode[] }
  | { readonly kind: 'choice'; readonly options: readonly RegexNode[] }
  | { readonly kind: 'repeat'; readonly body: RegexNode; readonly min: number; readonly max: number }
  | { readonly kind: 'assert'; readonly what: Assertion }
  | { readonly kind: 'capture'; readonly body: RegexNode; readonly index: number }
  /** From here on the pattern is not regular, and has to be searched by backtracking. */
  | { readonly kind: 'look'; readonly body: RegexNode; readonly isAhead: boolean; readonly isNegative: boolean }
  | { readonly kind: 'atomic'; readonly body: RegexNode }
  | { readonly kind: 'back'; readonly index: number };

/** A pattern that is not valid, or is refused. */
export class PatternError extends Error {
  override readonly name = 'PatternError';
}

/** The nodes right below a node. */
export function childrenOf(node: RegexNode): readonly RegexNode[] {
  switch (node.kind) {
    case 'sequence':
      return node.parts;
    case 'choice':
      return node.options;
    case 'repeat':
    case 'capture':
    case 'look':
    case 'atomic':
      return [node.body];
    default:
      return [];
  }
}
