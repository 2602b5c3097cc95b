/** Regular patterns: an automaton, and one more for each look-around, which is a yes or no at every place of the text. */
import type { LookNode, RegexNode } from './ast.js';
import { Automaton, type Effort, type LookPlaces } from './automaton.js';
import type { Pattern } from './pattern.js';
import { buildSteps } from './steps.js';
import { readSubject, type Subject } from './subject.js';

/** Steps that a search may take, some 50 ms; most searches take next to none. Past the limit nothing matches. */
export const effortMax = 2_000_000;

/** Compiles a pattern that needs no backtracking. Throws `PatternError`. */
export function compileRegular(root: RegexNode): Pattern {
  const looks: Automaton[] = [];
  const main = compileAutomaton(root, false, looks);
  return {
    matches: (text) => {
      const subject = readSubject(text);
      const effort: Effort = { left: effortMax };
      const places = markLooks(looks, subject, effort);
      return places !== undefined && main.finds(subject, places, effort);
    },
  };
}

/** The automaton of a look-around, numbered among the others; its inner ones come first. */
export function compileLook({ body, isAhead }: LookNode, looks: Automaton[]): number {
  // What lies ahead is searched from the end of the text, so that it is known where it begins.
  return looks.push(compileAutomaton(body, isAhead, looks)) - 1;
}

function compileAutomaton(root: RegexNode, isBackward: boolean, looks: Automaton[]): Automaton {
  const steps = buildSteps(root, isBackward, (node) => compileLook(node, looks));
  return new Automaton(steps, isBackward);
}

/** Where each look-around holds; undefined when the effort runs out. */
export function markLooks(looks: readonly Automaton[], subject: Subject, effort: Effort): LookPlaces | undefined {
  const marked: Uint8Array[] = [];
  for (const look of looks) {
    const places = new Uint8Array(subject.length + 1);
    if (!look.markPlaces(subject, marked, effort, places)) return undefined;
    marked.push(places);
  }
  return marked;
}
