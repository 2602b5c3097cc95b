/** Entities for tests: whole ones, changed where a test wants it. */
import { Condition, type Entity, Rule, Spec } from '@sluice/proto';
import type { EntityChangeSet, EntityTable } from '../entity-table.js';
import { entityKey } from '../sections.js';

export function ruleOf(id: string, part: Partial<Rule> = {}): Rule {
  return { ...Rule.fromPartial({}), id, name: id, passPercentage: 100, returnValueJson: 'true', ...part };
}

type SpecCase = 'gate' | 'config' | 'layer';

export function specOf($case: SpecCase, name: string, rules: readonly Rule[], part: Partial<Spec> = {}): Entity {
  const value = { ...Spec.fromPartial({}), salt: name, enabled: true, idType: 'userID', rules: [...rules], ...part };
  return { name, version: 0, body: { $case, value } };
}

export function conditionOf(name: string, part: Partial<Condition>): Entity {
  const value = { ...Condition.fromPartial({}), type: 'public', ...part };
  return { name, version: 0, body: { $case: 'condition', value } };
}

/** A gate whose only rule asks other gates, with the conditions that do so. */
export function askingGate(name: string, asked: readonly string[], type = 'pass_gate'): Entity[] {
  const conditions = asked.map((other) =>
    conditionOf(`${name} asks ${other}`, { type, targetValueJson: JSON.stringify(other) }),
  );
  const rule = ruleOf('r', { conditionIds: conditions.map((condition) => condition.name) });
  return [specOf('gate', name, [rule]), ...conditions];
}

export function tableOf(entities: Iterable<Entity>): EntityTable {
  return new Map([...entities].map((entity) => [entityKey(entity), { entity }]));
}

/** The change that writes some entities into a set, and takes others away. */
export function changeOf(
  held: readonly Entity[],
  upserts: readonly Entity[],
  removed: readonly string[] = [],
): EntityChangeSet {
  const gone = new Set(removed);
  const kept = held.filter((entity) => !gone.has(entityKey(entity)));
  return { before: tableOf(held), after: tableOf([...kept, ...upserts]), upserts, removed: gone };
}
