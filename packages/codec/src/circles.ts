import { findCirclesFrom } from '@sluice/engine';
import { answerersOf, referencesOf } from './entity-references.js';
import type { EntityChangeSet, EntityProblem, EntityTable } from './entity-table.js';
import { entityKey } from './sections.js';

/**
 * Entities that, by way of others, ask for themselves: gates through conditions, configs through
 * delegates and groups, bandits through their gate. Looks from the written entities on, so that a changed condition is
 * followed as well as a changed gate. Each circle is found once.
 */
export function findCircles({ after, upserts }: Pick<EntityChangeSet, 'after' | 'upserts'>): EntityProblem[] {
  const itself = (key: string): string => key;
  return findCirclesFrom(upserts.map(entityKey), itself, (key) => targetsOf(after, key)).map((circle) => ({
    key: circle.at(-1) ?? '',
    path: '',
    message: `asks for itself: ${spellCircle(circle)}`,
    isOld: false,
  }));
}

function targetsOf(table: EntityTable, key: string): string[] {
  const held = table.get(key);
  if (!held) return [];
  return referencesOf(held.entity)
    .flatMap(answerersOf)
    .filter((target) => table.has(target));
}

const shown = 12;

/** The names along a circle; of a long one the ends. */
export function spellCircle(circle: readonly string[]): string {
  if (circle.length <= shown) return circle.join(' → ');
  return [...circle.slice(0, shown / 2), `… ${circle.length - shown} more …`, ...circle.slice(-shown / 2)].join(' → ');
}
