import assert from 'node:assert/strict';
import { Kind, RuleOutcome, RuleTrace, SpecOrigin, SpecTrace } from '@sluice/proto';
import { specDocument, specLines } from './explanation.js';
import { plainStyle } from './style.js';

const inner = SpecTrace.fromPartial({ kind: Kind.CONFIG, name: 'new', ruleId: 'r', isPassed: true });
const rule = RuleTrace.fromPartial({
  ...{
    id: 'o',
    passPercentage: 100,
    outcome: RuleOutcome.DELEGATED,
    why: 'every condition holds; new answers instead',
  },
  nested: [inner],
});
const trace = SpecTrace.fromPartial({
  ...{ kind: Kind.CONFIG, name: 'old', ruleId: 'r', isPassed: true, origin: SpecOrigin.MAPPING },
  rules: [rule],
});

describe('explanations', () => {
  it('say what answered for a name, unless it was its own rules', () => {
    const lines = specLines(trace, plainStyle);
    assert.match(lines[0] ?? '', /old \(mapping\) {2}passes, rule r$/);
    assert.match(lines[1] ?? '', /1\. o {2}100 % {2}delegated: every condition holds; new answers instead$/);
    assert.match(lines[2] ?? '', /new {2}passes, rule r$/);
  });

  it('say so in JSON, also for evaluators that do not', () => {
    const document = specDocument(trace) as { origin: string; rules: { nested: { origin: string }[] }[] };
    assert.deepEqual([document.origin, document.rules[0]?.nested[0]?.origin], ['MAPPING', 'RULES']);
  });
});
