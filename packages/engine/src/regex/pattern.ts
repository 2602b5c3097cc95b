import { PatternError } from './ast.js';
import { compileAutomaton } from './automaton.js';
import { compileBacktracking, needsBacktracking } from './backtrack.js';
import { parsePattern } from './parse.js';

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
    const root = parsePattern(source);
    return needsBacktracking(root) ? compileBacktracking(root) : compileAutomaton(root);
  } catch (error) {
    if (error instanceof PatternError) return { problem: error.message };
    throw error;
  }
}
