/**
 * Conditions that documents make are named by what they say, and shared by the rules that say it; those of
 * overrides belong to one rule each. When the last of their rules goes, they go along, so that a ruleset does
 * not grow with every edit.
 */
import { conditionId, entityKey, sectionOf } from '@sluice/codec';
import { type Entity, type EntityRef, Section } from '@sluice/proto';
import type { Head } from './head.js';
import { isOverrideCondition } from './override-rules.js';

/** Ids of the conditions that an entity's rules name. */
export function conditionIdsOf({ body }: Entity): readonly string[] {
  switch (body?.$case) {
    case 'gate':
    case 'config':
    case 'layer':
      return body.value.rules.flatMap(({ conditionIds }) => conditionIds);
    case 'overrideRule':
      return body.value.conditionIds;
    default:
      return [];
  }
}

/** A condition whose name only a document can have given: nobody refers to it by hand. */
export function isNamedByContent({ name, body }: Entity): boolean {
  return body?.$case === 'condition' && conditionId(body.value) === name;
}

/** Conditions nobody made by hand that changed entities named before, and nothing will name after the change. */
export function findUnused(head: Head, upserts: readonly Entity[], deletions: readonly EntityRef[]): EntityRef[] {
  const changed = new Set([...upserts.map((entity) => entityKey(entity)), ...deletions.map(entityKey)]);
  const old = [...changed].flatMap((key) => head.entities.get(key)?.entity ?? []);
  const candidates = new Set(old.flatMap(conditionIdsOf));
  for (const entity of upserts) {
    if (sectionOf(entity) === Section.CONDITION) candidates.delete(entity.name);
    for (const id of conditionIdsOf(entity)) candidates.delete(id);
  }
  for (const id of candidates) {
    const held = head.entities.get(entityKey({ section: Section.CONDITION, name: id }));
    if (!held || !(isOverrideCondition(id) || isNamedByContent(held.entity))) candidates.delete(id);
  }
  return without(candidates, head, changed).map((name) => ({ section: Section.CONDITION, name }));
}

/** The candidates that no entity names, those aside that change. */
function without(candidates: Set<string>, head: Head, changed: ReadonlySet<string>): string[] {
  if (candidates.size === 0) return [];
  for (const [key, { entity }] of head.entities) {
    if (changed.has(key)) continue;
    for (const id of conditionIdsOf(entity)) candidates.delete(id);
    if (candidates.size === 0) return [];
  }
  return [...candidates];
}
