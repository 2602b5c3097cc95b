import { type EntityProblem, entityKey, findCircles, findDangling, findOverlaps } from '@sluice/codec';
import type { Problem } from '@sluice/engine';
import { invalidFields } from '@sluice/mesh';
import type { Advance, Head } from './head.js';

const problemsShown = 20;
/** Errors travel in headers, which have little room. */
const longestPath = 200;
const longestMessage = 400;

/**
 * What an engine would put up with but no author can mean: mentions of what is not there,
 * circles, experiments of one layer that share units. What was so before the change, and all
 * but circles when tolerant, comes back as warnings.
 * @throws SluiceError `invalid` naming each place.
 */
export function checkEntities(before: Head, { head, upserts, deletions }: Advance, isTolerant: boolean): Problem[] {
  const removed = new Set(deletions.map(entityKey));
  const change = { before: before.entities, after: head.entities, upserts, removed };
  const circles = findCircles(change);
  const others = [...findDangling(change), ...findOverlaps(change)];
  const isError = ({ isOld }: EntityProblem): boolean => !isTolerant && !isOld;
  const errors = [...circles, ...others.filter(isError)];
  if (errors.length > 0) {
    throw invalidFields(
      errors.slice(0, problemsShown).map((problem) => ({
        field: pathOf(problem).slice(0, longestPath),
        message: problem.message.slice(0, longestMessage),
      })),
    );
  }
  return others.map((problem) => ({ path: pathOf(problem), message: problem.message, severity: 'warning' }));
}

/** Such as `gate/checkout rules[0].conditionIds[1]`. */
function pathOf({ key, path }: EntityProblem): string {
  return path === '' ? key : `${key} ${path}`;
}
