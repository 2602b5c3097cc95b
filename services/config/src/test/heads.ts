/** Sets for tests: heads that were made of entities as a write makes them, and what evaluators answer by them. */
import assert from 'node:assert/strict';
import { emptyStateHash, refOfKey } from '@sluice/codec';
import { evaluateConfig, evaluateGate, evaluateLayer } from '@sluice/engine';
import { SluiceError } from '@sluice/mesh';
import { Condition, type Entity, type EntityRef, KeyClass, type KeyGrant, Rule, Spec } from '@sluice/proto';
import { type Advance, advance, type Head, type Held, headOf, type Moment, type Plan } from '../head.js';

export const emptyHead: Head = headOf(0, emptyStateHash(), 0, []);

export const testMoment: Moment = { author: 'ada', nowMs: Date.UTC(2026, 10, 22, 12) };

export const planOf = (upserts: readonly Entity[], ...deletions: readonly string[]): Plan => ({
  upserts,
  deletions: deletions.map(refOf),
});

/** The set that holds some entities, at its first revision. */
export const headWith = (...entities: readonly Entity[]): Head => advance(emptyHead, planOf(entities), testMoment).head;

/** The set after a plan. @throws when the engine refuses what came of it. */
export function carriedOn(head: Head, plan: Plan, moment: Moment = testMoment): Advance {
  const change = advance(head, plan, moment);
  assert.deepEqual(
    change.problems.filter(({ severity }) => severity === 'error'),
    [],
  );
  return change;
}

/** What a key such as `gate/checkout` names. */
export function refOf(key: string): EntityRef {
  const ref = refOfKey(key);
  assert(ref, `${key} is no key`);
  return ref;
}

export function heldIn(head: Head, key: string): Held {
  const held = head.entities.get(key);
  assert(held, `there is no ${key}`);
  return held;
}

/** The gate, config or layer of a key. */
export function specIn(head: Head, key: string): Spec {
  const { body } = heldIn(head, key).entity;
  assert(body?.$case === 'gate' || body?.$case === 'config' || body?.$case === 'layer');
  return body.value;
}

export const keysOf = (head: Head): string[] => [...head.entities.keys()].sort();

export function ruleOf(id: string, part: Partial<Rule> = {}): Rule {
  return {
    ...Rule.fromPartial({ passPercentage: 100, returnValueJson: 'true', idType: 'userID' }),
    ...{ id, name: id, ...part },
  };
}

function specOf($case: 'gate' | 'config' | 'layer', name: string, rules: readonly Rule[], part: Partial<Spec>): Entity {
  const value = { ...Spec.fromPartial({ salt: name, enabled: true, idType: 'userID' }), ...part, rules: [...rules] };
  return { name, version: 0, body: { $case, value } };
}

export const gateOf = (name: string, rules: readonly Rule[] = [], part: Partial<Spec> = {}): Entity =>
  specOf('gate', name, rules, { entity: 'feature_gate', defaultValueJson: 'false', ...part });

export const configOf = (name: string, rules: readonly Rule[] = [], part: Partial<Spec> = {}): Entity =>
  specOf('config', name, rules, { entity: 'dynamic_config', defaultValueJson: '{}', ...part });

const groupRule = (groupName: string): Rule =>
  ruleOf(`group ${groupName}`, {
    ...{ groupName, isExperimentGroup: true },
    returnValueJson: JSON.stringify({ group: groupName }),
  });

const twoGroups = [groupRule('A'), groupRule('B')];

/** Unless other rules are given everybody gets group A, and only by an override B; each answers with its own name. */
export const experimentOf = (name: string, part: Partial<Spec> = {}, rules: readonly Rule[] = twoGroups): Entity =>
  specOf('config', name, rules, {
    ...{ entity: 'experiment', defaultValueJson: '{"group":"none"}', isActive: true, ...part },
  });

export const layerOf = (name: string, rules: readonly Rule[] = [], part: Partial<Spec> = {}): Entity =>
  specOf('layer', name, rules, { entity: 'layer', defaultValueJson: '{"group":"of the layer"}', ...part });

export function conditionOf(name: string, part: Partial<Condition> = {}): Entity {
  const value = { ...Condition.fromPartial({ type: 'public' }), ...part };
  return { name, version: 0, body: { $case: 'condition', value } };
}

/** Passes a gate's units. */
export const asksGate = (name: string, gate: string): Entity =>
  conditionOf(name, { type: 'pass_gate', targetValueJson: JSON.stringify(gate) });

export const settingOf = (name: string, value: string): Entity => ({
  name,
  version: 0,
  body: { $case: 'settingJson', value },
});

export const idListOf = (name: string, keys: string, idType = 'userID'): Entity => ({
  name,
  version: 0,
  body: { $case: 'idList', value: { keys, idType } },
});

export const inLayerOf = (experiment: string, layer: string): Entity => ({
  name: experiment,
  version: 0,
  body: { $case: 'experimentLayer', value: layer },
});

export function keyOf(digest: string, part: Partial<KeyGrant> = {}): Entity {
  const grant: KeyGrant = { keyClass: KeyClass.SERVER, project: '', environment: '', canWrite: false, label: 'test' };
  return { name: digest, version: 0, body: { $case: 'key', value: { ...grant, ...part } } };
}

const context = { now: testMoment.nowMs };

/** A unit of an id type, as evaluators are told of it. */
const unit = (id: string, idType: string) => (idType === 'userID' ? { userID: id } : { customIDs: { [idType]: id } });

export const askGate = (head: Head, name: string, id: string, idType = 'userID') =>
  evaluateGate(head.program, name, unit(id, idType), context);

export const askConfig = (head: Head, name: string, id: string, kind: 'config' | 'experiment' = 'config') =>
  evaluateConfig(head.program, name, unit(id, 'userID'), context, kind);

export const askLayer = (head: Head, name: string, id: string) =>
  evaluateLayer(head.program, name, unit(id, 'userID'), context);

/** For `assert.throws`: the kind of refusal, the field that it names, and what it says. */
export const refusal =
  (kind: SluiceError['kind'], field: string, message: RegExp) =>
  (error: unknown): true => {
    assert(error instanceof SluiceError, String(error));
    assert.equal(error.kind, kind, error.message);
    assert.equal(error.field, field, error.message);
    assert.match(error.message, message);
    return true;
  };
