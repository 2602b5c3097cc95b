import { answerersOf, referencesOf } from './entity-references.js';
import type { EntityChangeSet, EntityProblem, EntityTable } from './entity-table.js';
import { entityKey } from './sections.js';

interface Visit {
  readonly key: string;
  readonly targets: readonly string[];
  next: number;
}

const shown = 12;

/**
 * Entities that, by way of others, ask for themselves: gates through conditions, configs through
 * delegates and groups, bandits through their gate. Looks from the written entities on, so that a changed condition is
 * followed as well as a changed gate. Each circle is found once.
 */
export function findCircles({ after, upserts }: Pick<EntityChangeSet, 'after' | 'upserts'>): EntityProblem[] {
  const problems: EntityProblem[] = [];
  const done = new Set<string>();
  for (const entity of upserts) {
    const start = entityKey(entity);
    if (!done.has(start)) walk(after, start, done, problems);
  }
  return problems;
}

/** Depth first, without recursion: a chain of gates may be as long as the set is large. */
function walk(table: EntityTable, start: string, done: Set<string>, problems: EntityProblem[]): void {
  const open = new Map<string, number>();
  const visits: Visit[] = [];
  const enter = (key: string): void => {
    open.set(key, visits.length);
    visits.push({ key, targets: targetsOf(table, key), next: 0 });
  };
  enter(start);
  for (let visit = visits.at(-1); visit !== undefined; visit = visits.at(-1)) {
    const target = visit.targets[visit.next++];
    if (target === undefined) {
      visits.pop();
      open.delete(visit.key);
      done.add(visit.key);
    } else if (open.has(target)) {
      const circle = [...visits.slice(open.get(target)).map(({ key }) => key), target];
      problems.push({ key: target, path: '', message: `asks for itself: ${spell(circle)}`, isOld: false });
    } else if (!done.has(target)) {
      enter(target);
    }
  }
}

function targetsOf(table: EntityTable, key: string): string[] {
  const held = table.get(key);
  if (!held) return [];
  return referencesOf(held.entity)
    .flatMap(answerersOf)
    .filter((target) => table.has(target));
}

function spell(circle: readonly string[]): string {
  if (circle.length <= shown) return circle.join(' → ');
  return [...circle.slice(0, shown / 2), `… ${circle.length - shown} more …`, ...circle.slice(-shown / 2)].join(' → ');
}
