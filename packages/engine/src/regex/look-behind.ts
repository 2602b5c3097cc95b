/**
 * What may stand in a look-behind: alternatives that each match a fixed number of characters, or are regular
 * and ask nothing about words. The reference refuses the others.
 */
import { nodesOf, PatternError, type RegexNode } from './ast.js';

type Groups = ReadonlyMap<number, RegexNode>;

/** The alternatives of a look-behind, each checked on its own. */
export function alternativesOf(body: RegexNode): readonly RegexNode[] {
  return body.kind === 'choice' ? body.options : [body];
}

/** Throws `PatternError` where a look-behind of the pattern is refused. */
export function checkLookBehinds(root: RegexNode): void {
  const groups = groupsOf(root);
  for (const node of nodesOf(root)) {
    if (node.kind !== 'look' || node.isAhead) continue;
    for (const option of alternativesOf(node.body)) {
      if (sizeOf(option, groups) === undefined && !isEasy(option, root)) {
        throw new PatternError('a look-behind of no fixed length holds more than a plain expression');
      }
    }
  }
}

/** The groups of a pattern by number. */
export function groupsOf(root: RegexNode): Groups {
  const groups = new Map<number, RegexNode>();
  for (const node of nodesOf(root)) if (node.kind === 'capture') groups.set(node.index, node.body);
  return groups;
}

/** How many characters a node matches; undefined where that depends on the text. */
export function sizeOf(node: RegexNode, groups: Groups): number | undefined {
  switch (node.kind) {
    case 'set':
      return 1;
    case 'sequence':
      return sum(node.parts.map((part) => sizeOf(part, groups)));
    case 'choice':
      return same(node.options.map((option) => sizeOf(option, groups)));
    case 'repeat':
      return node.min === node.max ? times(sizeOf(node.body, groups), node.min) : undefined;
    case 'capture':
    case 'atomic':
      return sizeOf(node.body, groups);
    case 'back': {
      const group = groups.get(node.index);
      // A group that refers to itself has no size.
      const outside = new Map([...groups].filter(([index]) => index !== node.index));
      return group === undefined ? undefined : sizeOf(group, outside);
    }
    case 'condition':
      return same([sum([sizeOf(node.test, groups), sizeOf(node.yes, groups)]), sizeOf(node.no, groups)]);
    default:
      return 0;
  }
}

type Size = number | undefined;

function sum(sizes: readonly Size[]): Size {
  return sizes.reduce((total, size) => (total === undefined || size === undefined ? undefined : total + size), 0);
}

function same(sizes: readonly Size[]): Size {
  return sizes.every((size) => size === sizes[0]) ? sizes[0] : undefined;
}

function times(size: Size, count: number): Size {
  return size === undefined ? undefined : size * count;
}

function isEasy(node: RegexNode, root: RegexNode): boolean {
  for (const inner of nodesOf(node)) {
    if (['look', 'atomic', 'back', 'isSet', 'condition'].includes(inner.kind)) return false;
    if (inner.kind === 'assert' && inner.what.toLowerCase().includes('word')) return false;
    if (inner.kind === 'capture' && isReferredTo(inner.index, root)) return false;
  }
  return true;
}

/** Whether a reference or condition looks at a group. */
export function isReferredTo(group: number, root: RegexNode): boolean {
  for (const node of nodesOf(root)) {
    if ((node.kind === 'back' || node.kind === 'isSet') && node.index === group) return true;
  }
  return false;
}
