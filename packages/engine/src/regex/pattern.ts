import { PatternError } from './ast.js';
import { compileBacktracking, needsBacktracking } from './backtrack.js';
import { checkLookBehinds } from './look-behind.js';
import { parsePattern } from './parse.js';
import { compileRegular } from './regular.js';

/** A compiled user pattern: an unanchored search that takes a bounded time. */
export interface Pattern {
  matches(text: string): boolean;
}

/** Longer patterns are refused. */
const lengthMax = 10_000;

/** Compiles a pattern in the syntax of Rust's regex and fancy-regex, or says why it cannot be. */
export function compilePattern(source: string): Pattern | { readonly problem: string } {
  if (source.length > lengthMax) return { problem: `longer than ${lengthMax} characters` };
  try {
    const { root, groups } = parsePattern(source);
    checkLookBehinds(root);
    return needsBacktracking(root) ? compileBacktracking(root, groups) : compileRegular(root);
  } catch (error) {
    if (error instanceof PatternError) return { problem: error.message };
    throw error;
  }
}
