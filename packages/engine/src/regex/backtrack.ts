/**
 * Patterns with look-around, references or atomic groups: run by the platform, which backtracks, and so
 * only when the number of ways to match is small however the text looks.
 */
import { type Assertion, childrenOf, PatternError, type RegexNode } from './ast.js';
import type { Pattern } from './pattern.js';

/** Steps that a search may take; longer texts do not match, as the reference gives up on them too. */
const stepsMax = 1e7;
const choicesMax = 1000;

/** Whether a pattern needs backtracking. */
export function needsBacktracking(node: RegexNode): boolean {
  if (node.kind === 'look' || node.kind === 'atomic' || node.kind === 'back') return true;
  return childrenOf(node).some(needsBacktracking);
}

/** Compiles such a pattern. Throws `PatternError` when it could run away. */
export function compileBacktracking(root: RegexNode): Pattern {
  const effort = effortOf(root);
  if (effort.choices > choicesMax) throw new PatternError('could run away: too many ways to match');
  // Each unbounded repetition, and the search for a start, may try every place of the text.
  const textMax = Math.floor((stepsMax / effort.choices) ** (1 / (effort.unbounded + 1)));
  const regex = translate(root);
  return { matches: (text) => text.length <= textMax && regex.test(text) };
}

interface Effort {
  /** Unbounded repetitions, none inside another. */
  readonly unbounded: number;
  /** Ways to choose among options and bounded repetitions. */
  readonly choices: number;
}

function effortOf(node: RegexNode): Effort {
  const total = childrenOf(node)
    .map(effortOf)
    .reduce((sum, part) => ({ unbounded: sum.unbounded + part.unbounded, choices: sum.choices * part.choices }), {
      unbounded: 0,
      choices: 1,
    });
  if (node.kind === 'choice') return { ...total, choices: total.choices * node.options.length };
  if (node.kind !== 'repeat') return total;
  const isSimple = total.unbounded === 0 && total.choices === 1;
  if (node.max > 1 && !isSimple) throw new PatternError('could run away: a repetition inside a repetition');
  if (node.max === Number.POSITIVE_INFINITY) return { unbounded: 1, choices: 1 };
  return { ...total, choices: total.choices * (node.max - node.min + 1) };
}

function translate(root: RegexNode): RegExp {
  const cases = new Set<boolean>();
  collectCases(root, cases);
  const isMixed = cases.size > 1;
  try {
    return new RegExp(sourceOf(root, isMixed), cases.has(true) && !isMixed ? 'vi' : 'v');
  } catch {
    // Older platforms cannot ignore case in parts of a pattern.
    throw new PatternError(
      isMixed ? 'ignores case only in parts, together with look-around or references' : 'not valid',
    );
  }
}

function collectCases(node: RegexNode, cases: Set<boolean>): void {
  if (node.kind === 'set') cases.add(node.set.ignoresCase);
  for (const child of childrenOf(node)) collectCases(child, cases);
}

const word = '[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]';

const assertionSources: Readonly<Record<Assertion, string>> = {
  textStart: '(?<![\\s\\S])',
  textEnd: '(?![\\s\\S])',
  lineStart: '(?<![^\\n])',
  lineEnd: '(?![^\\n])',
  wordBoundary: `(?:(?<=${word})(?!${word})|(?<!${word})(?=${word}))`,
  notWordBoundary: `(?:(?<=${word})(?=${word})|(?<!${word})(?!${word}))`,
  wordStart: `(?:(?<!${word})(?=${word}))`,
  wordEnd: `(?:(?<=${word})(?!${word}))`,
  wordStartHalf: `(?<!${word})`,
  wordEndHalf: `(?!${word})`,
};

let atomicGroups = 0;

function sourceOf(node: RegexNode, isMixed: boolean): string {
  const inner = (child: RegexNode): string => sourceOf(child, isMixed);
  switch (node.kind) {
    case 'empty':
      return '';
    case 'set':
      return isMixed && node.set.ignoresCase ? `(?i:${node.set.source})` : node.set.source;
    case 'assert':
      return assertionSources[node.what];
    case 'sequence':
      return node.parts.map(inner).join('');
    case 'choice':
      return `(?:${node.options.map(inner).join('|')})`;
    case 'repeat':
      return `(?:${inner(node.body)}){${node.min},${node.max === Number.POSITIVE_INFINITY ? '' : node.max}}`;
    case 'capture':
      return `(?<g${node.index}>${inner(node.body)})`;
    case 'look':
      return `(?${node.isAhead ? '' : '<'}${node.isNegative ? '!' : '='}${inner(node.body)})`;
    case 'atomic': {
      // What a look-ahead has found it does not try again; the reference to it reads it.
      const name = `atomic${++atomicGroups}`;
      return `(?=(?<${name}>${inner(node.body)}))\\k<${name}>`;
    }
    case 'back':
      return `\\k<g${node.index}>`;
  }
}
