import assert from 'node:assert/strict';
import { evaluateConfig, evaluateGate, evaluateLayer } from './api.js';
import { passBucketOf } from './bucket.js';
import { compile } from './compile.js';
import { referenceReason } from './decision.js';
import { context } from './ruleset-fixture.js';
import { parseStatsigDocument } from './statsig-document.js';
import { readVectors } from './test/read-vectors.js';
import type { User } from './user.js';

interface Case {
  readonly user: User;
  readonly kind: 'gate' | 'exp' | 'layer';
  readonly name: string;
  readonly result: unknown;
}

describe('golden vectors of the reference', () => {
  const { specs, cases }: { specs: unknown; cases: Case[] } = readVectors('quirks.json');
  const { program } = compile(parseStatsigDocument(JSON.stringify(specs)).ruleset);

  const answer = ({ kind, name, user }: Case): unknown => {
    if (kind === 'gate') {
      const { value, ruleID, idType, reason, version } = evaluateGate(program, name, user, context);
      return [value, ruleID, idType, referenceReason(reason, 'Network'), version];
    }
    if (kind === 'exp') {
      const decision = evaluateConfig(program, name, user, context, 'experiment');
      const { value, ruleID, groupName, secondaryExposures, reason } = decision;
      return [value, ruleID, groupName, secondaryExposures, referenceReason(reason, 'Network')];
    }
    const decision = evaluateLayer(program, name, user, context);
    const { value, ruleID, groupName, allocatedExperiment, secondaryExposures, reason, version } = decision;
    return [
      value,
      ruleID,
      groupName,
      allocatedExperiment,
      secondaryExposures,
      referenceReason(reason, 'Network'),
      version,
    ];
  };

  for (const vector of cases) {
    it(`${vector.kind} ${vector.name}`, () => assert.deepEqual(answer(vector), vector.result));
  }

  it('buckets', () => {
    const { results }: { results: Record<string, string> } = readVectors('bucketing.json');
    for (const [percentage, expected] of Object.entries(results)) {
      const passed = Array.from({ length: 400 }, (_, i) => passBucketOf('spec-salt', 'rule-salt', `user-${i}`));
      const bits = passed.map((bucket) => (bucket < Number(percentage) * 100 ? '1' : '0')).join('');
      assert.equal(bits, expected, `${percentage} %`);
    }
  });
});
