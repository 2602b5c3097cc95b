import assert from 'node:assert/strict';
import { UpdateGateRequest } from '@sluice/proto';
import fc from 'fast-check';
import type { Head } from './head.js';
import { planGate } from './plan-gate.js';
import { planPutOverride, requireTarget } from './plan-override.js';
import {
  askGate,
  carriedOn,
  conditionOf,
  configOf,
  gateOf,
  headWith,
  refOf,
  refusal,
  ruleOf,
  specIn,
} from './test/heads.js';

const requestOf = (part: Partial<UpdateGateRequest>): UpdateGateRequest => ({
  ...UpdateGateRequest.fromPartial({ name: 'checkout' }),
  ...part,
});
const change = (head: Head, part: Partial<UpdateGateRequest>): Head =>
  carriedOn(head, planGate(head, requestOf(part))).head;
const percentages = (head: Head) =>
  specIn(head, 'gate/checkout').rules.map(({ id, passPercentage }) => [id, passPercentage]);
const pro = conditionOf('pro', { type: 'user_field', field: 'plan', operator: 'any', targetValueJson: '["pro"]' });
const two = headWith(
  gateOf('checkout', [
    ruleOf('first', { passPercentage: 0, conditionIds: ['pro'] }),
    ruleOf('last', { passPercentage: 0 }),
  ]),
  pro,
);
const units = Array.from({ length: 200 }, (_, at) => `unit-${at}`);
const passing = (head: Head): string[] => units.filter((id) => askGate(head, 'checkout', id).value);

describe('a rollout', () => {
  it('changes the last rule, or the one that is named, and nothing else', () => {
    assert.deepEqual(percentages(change(two, { rolloutPercentage: 30 })), [
      ['first', 0],
      ['last', 30],
    ]);
    assert.deepEqual(percentages(change(two, { rolloutPercentage: 30, ruleId: 'first' })), [
      ['first', 30],
      ['last', 0],
    ]);
  });

  it('only adds units when it grows', () => {
    fc.assert(
      fc.property(
        fc.double({ min: 0, max: 100, noNaN: true }),
        fc.double({ min: 0, max: 100, noNaN: true }),
        (one, other) => {
          const [low, high] = [Math.min(one, other), Math.max(one, other)];
          const few = passing(change(two, { rolloutPercentage: low }));
          const many = new Set(passing(change(change(two, { rolloutPercentage: low }), { rolloutPercentage: high })));
          assert.deepEqual(
            few.filter((id) => !many.has(id)),
            [],
          );
        },
      ),
      { numRuns: 40 },
    );
    assert.equal(passing(change(two, { rolloutPercentage: 100 })).length, units.length);
  });

  it('leaves an overridden unit alone', () => {
    const put = (head: Head, rules: number): Head =>
      carriedOn(
        head,
        planPutOverride(head, requireTarget(head, refOf('gate/checkout')), {
          ...{ idType: 'userID', unitIds: [`unit-${rules}`] },
          value: { kind: { $case: 'boolValue', value: true } },
        }),
      ).head;
    const off = change(put(two, 7), { rolloutPercentage: 0 });
    assert.deepEqual(passing(off), ['unit-7']);
    const bare = put(headWith(gateOf('checkout')), 7);
    assert.throws(
      () => planGate(bare, requestOf({ rolloutPercentage: 0 })),
      refusal('precondition', 'name', /checkout has no rules to roll out; give it one first/),
    );
  });

  it('is refused outside of 0 to 100', () => {
    for (const rolloutPercentage of [-1, 101, Number.NaN]) {
      assert.throws(
        () => planGate(two, requestOf({ rolloutPercentage })),
        refusal('invalid', 'rollout_percentage', /it must be between 0 and 100/),
      );
    }
  });

  it('is refused for a rule that is not there, with those that are', () => {
    assert.throws(
      () => planGate(two, requestOf({ rolloutPercentage: 1, ruleId: 'middle' })),
      refusal('not_found', 'rule_id', /no rule "middle"; it has first, last/),
    );
  });
});

describe('a switch', () => {
  const on = change(two, { rolloutPercentage: 100 });

  it('answers false to everybody, and keeps the rules', () => {
    const off = change(on, { isEnabled: false });
    assert.deepEqual(passing(off), []);
    assert.equal(askGate(off, 'checkout', 'unit-1').ruleID, 'disabled');
    const back = change(off, { isEnabled: true });
    assert.equal(passing(back).length, units.length);
    assert.deepEqual(specIn(back, 'gate/checkout'), specIn(on, 'gate/checkout'));
  });

  it('stays off while the rollout goes on', () => {
    const off = change(on, { isEnabled: false });
    const rolled = change(off, { rolloutPercentage: 50 });
    assert.deepEqual(passing(rolled), []);
    assert.deepEqual(percentages(rolled).at(-1), ['last', 50]);
    assert.throws(
      () => planGate(off, requestOf({ rolloutPercentage: 50, ruleId: 'disabled' })),
      refusal('not_found', 'rule_id', /it has first, last/),
    );
  });

  it('may come with a rollout', () => {
    const both = change(change(two, { isEnabled: false }), { isEnabled: true, rolloutPercentage: 100 });
    assert.equal(passing(both).length, units.length);
  });
});

describe('a change of a gate', () => {
  it('says what to change', () => {
    assert.throws(() => planGate(two, requestOf({})), refusal('invalid', 'rollout_percentage', /both absent/));
  });

  it('is refused for a gate that is not there, with the one that was meant', () => {
    const head = headWith(gateOf('checkout'), configOf('chekout'));
    assert.throws(
      () => planGate(head, requestOf({ name: 'chekout', isEnabled: true })),
      refusal('not_found', 'name', /there is no gate "chekout"; did you mean "checkout"\?/),
    );
  });
});
