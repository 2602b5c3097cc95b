/** Regular expressions, parsed. */

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
  | RepeatNode
  | { readonly kind: 'assert'; readonly what: Assertion }
  | { readonly kind: 'capture'; readonly body: RegexNode; readonly index: number }
  | LookNode
  /** From here on the pattern is not regular, and has to be searched by backtracking. */
  | { readonly kind: 'atomic'; readonly body: RegexNode }
  | { readonly kind: 'back'; readonly index: number; readonly ignoresCase: boolean }
  /** Matches nothing where the group has matched, and fails where it has not. */
  | { readonly kind: 'isSet'; readonly index: number }
  | ConditionNode;

/** Laziness matters to a search that only says yes or no where an atomic group takes the first way to match. */
export interface RepeatNode {
  readonly kind: 'repeat';
  readonly body: RegexNode;
  readonly min: number;
  readonly max: number;
  readonly isLazy: boolean;
}

export interface LookNode {
  readonly kind: 'look';
  readonly body: RegexNode;
  readonly isAhead: boolean;
  readonly isNegative: boolean;
}

/** `(?(1)…|…)`: one way when the test matches, which is then not tried in another way, else the other. */
export interface ConditionNode {
  readonly kind: 'condition';
  readonly test: RegexNode;
  readonly yes: RegexNode;
  readonly no: RegexNode;
}

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
    case 'condition':
      return [node.test, node.yes, node.no];
    default:
      return [];
  }
}

/** A node and all below it. */
export function* nodesOf(node: RegexNode): Iterable<RegexNode> {
  yield node;
  for (const child of childrenOf(node)) yield* nodesOf(child);
}
