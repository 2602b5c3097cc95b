import assert from 'node:assert/strict';
import { compile, explainGate } from '@sluice/engine';
import { ConditionOutcome, Kind, RuleOutcome, SpecOrigin, SpecTrace } from '@sluice/proto';
import { specTraceToWire } from './explanation.js';
import { parseAuthoring } from './index.js';
import { rulesetFromEntities } from './ruleset.js';

const { program } = compile(
  rulesetFromEntities(
    parseAuthoring(`
project: shop
segments:
  staff:
    when:
      - unit: userID
        is: [ada]
gates:
  checkout:
    rules:
      - name: staff
        when:
          - segment: staff
      - name: paying
        when:
          - field: plan
            is: [pro]
          - field: orders
            at_least: 5
      - name: some
        percentage: 10
      - name: never-reached
        when:
          - field: plan
            is: [pro]
`),
  ),
);

function explain(user: Parameters<typeof explainGate>[2]): SpecTrace {
  const [trace] = explainGate(program, 'checkout', user, { now: 0 }).trace;
  assert.ok(trace);
  const wire = specTraceToWire(trace);
  assert.deepEqual(SpecTrace.decode(SpecTrace.encode(wire).finish()), wire);
  return wire;
}

describe('explanations on the wire', () => {
  it('say of each rule and condition how it ended and why', () => {
    const { kind, name, origin, rules } = explain({ userID: 'bob', custom: { plan: 'free' } });
    assert.deepEqual([kind, name, origin], [Kind.GATE, 'checkout', SpecOrigin.RULES]);
    const [staff, paying, some, last] = rules;
    assert.deepEqual([staff?.outcome, staff?.why], [RuleOutcome.CONDITIONS_FAILED, 'condition 1 does not hold']);
    assert.deepEqual(staff?.conditions[0]?.nested[0]?.isPassed, false);
    assert.deepEqual(
      [paying?.conditions[0]?.valueJson, paying?.conditions[0]?.outcome],
      ['"free"', ConditionOutcome.FAILS],
    );
    assert.equal(paying?.why, 'conditions 1, 2 do not hold');
    assert.equal(last?.conditions[0]?.outcome, ConditionOutcome.NOT_EVALUATED);
    assert.equal(typeof some?.bucket, 'number');
    assert.equal(some?.threshold, 1000);
    assert.match(some?.why ?? '', /^every condition holds, (and|but) bucket \d+ is (not )?below 1000$/);
    assert.equal(last?.outcome, RuleOutcome.NOT_EVALUATED);
  });

  it('say that a value is missing', () => {
    const [, paying] = explain({ userID: 'bob', custom: { plan: 'pro' } }).rules;
    assert.deepEqual([paying?.conditions[1]?.valueJson, paying?.conditions[1]?.why], ['', 'orders is missing']);
  });
});
