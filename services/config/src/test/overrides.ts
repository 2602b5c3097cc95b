/** Overrides for tests: put, taken away and listed, with a model of what units are to have. */
import assert from 'node:assert/strict';
import type { OverrideValue } from '@sluice/proto';
import fc from 'fast-check';
import type { Head } from '../head.js';
import { overridesOf, planDeleteOverride, planPutOverride, requireTarget } from '../plan-override.js';
import { carriedOn, heldIn, keysOf, refOf, specIn } from './heads.js';

export type Answer = boolean | string;

/** How a value is put: as bool of a gate, group of an experiment, JSON of a config. */
export function overrideOf(value: Answer): OverrideValue {
  if (typeof value === 'boolean') return { kind: { $case: 'boolValue', value } };
  return { kind: value.startsWith('{') ? { $case: 'json', value } : { $case: 'groupName', value } };
}

export const put = (head: Head, key: string, unitIds: readonly string[], value: Answer, idType = 'userID'): Head =>
  carriedOn(head, planPutOverride(head, requireTarget(head, refOf(key)), { idType, unitIds, value: overrideOf(value) }))
    .head;

export function remove(
  head: Head,
  key: string,
  unitIds: readonly string[],
  idType = 'userID',
): [head: Head, removed: number] {
  const { plan, removed } = planDeleteOverride(head, requireTarget(head, refOf(key)), { idType, unitIds });
  return [carriedOn(head, plan).head, removed];
}

/** Each override in one line, such as `userID ada,bob true`. */
export const listed = (head: Head, key: string): string[] =>
  overridesOf(head, heldIn(head, key).entity).map(
    ({ idType, unitIds, value }) => `${idType} ${unitIds.join()} ${value?.kind?.value}`,
  );

export const ruleIds = (head: Head, key: string): string[] => specIn(head, key).rules.map(({ id }) => id);
export const overrideConditions = (head: Head): string[] =>
  keysOf(head).filter((key) => key.startsWith('condition/override:'));

/** Conditions of overrides that no rule asks for. */
export function leftBehind(head: Head): string[] {
  const used = new Set<string>();
  for (const { entity } of head.entities.values()) {
    const { body } = entity;
    if (body?.$case !== 'gate' && body?.$case !== 'config' && body?.$case !== 'layer') continue;
    for (const name of body.value.rules.flatMap(({ conditionIds }) => conditionIds)) used.add(`condition/${name}`);
  }
  return overrideConditions(head).filter((key) => !used.has(key));
}

export const units = ['ada', 'bob', 'cyd', 'dan'];
const someUnits = fc.subarray(units, { minLength: 1 });

/** A put, or without a value a deletion, and what each unit is to have afterwards. */
interface Step {
  readonly unitIds: readonly string[];
  readonly value: Answer | undefined;
  readonly expected: ReadonlyMap<string, Answer>;
}

export function stepsOf(values: readonly Answer[]): fc.Arbitrary<Step[]> {
  const step = fc.record({ unitIds: someUnits, value: fc.constantFrom(undefined, ...values) });
  return fc.array(step, { maxLength: 6 }).map((steps) => {
    let expected = new Map<string, Answer>();
    return steps.map(({ unitIds, value }) => {
      expected = new Map(expected);
      for (const id of unitIds) {
        if (value === undefined) expected.delete(id);
        else expected.set(id, value);
      }
      return { unitIds, value, expected };
    });
  });
}

/** Carries out steps, and checks after each that overrides are those that were put. */
export function walk(start: Head, key: string, steps: readonly Step[]): { head: Head; expected: Step['expected'] }[] {
  let head = start;
  return steps.map(({ unitIds, value, expected }) => {
    if (value === undefined) [head] = remove(head, key, unitIds);
    else head = put(head, key, unitIds, value);
    const held = overridesOf(head, heldIn(head, key).entity).flatMap((one) =>
      one.unitIds.map((id): [string, unknown] => [id, one.value?.kind?.value]),
    );
    assert.equal(new Map(held).size, held.length, 'a unit has two overrides');
    assert.deepEqual(new Map(held), expected);
    assert.deepEqual(leftBehind(head), []);
    return { head, expected };
  });
}
