import type { EvaluationContext } from '@openfeature/core';
import { FlagdCore } from '@openfeature/flagd-core';
import type { BenchGate, BenchUser, Test } from '../gates.js';
import type { StartPeer } from './peer.js';
import { versionOf } from './version-of.js';

function logicOf(test: Test): object {
  const field = { var: test.field };
  switch (test.kind) {
    case 'in':
      return { in: [field, test.values] };
    case 'endsWith':
      return { or: test.values.map((value) => ({ ends_with: [field, value] })) };
    case 'versionAtLeast':
      return { sem_ver: [field, '>=', test.version] };
    case 'greater':
      return { '>': [field, test.value] };
    default: {
      const never: never = test;
      return never;
    }
  }
}

function targetingOf(gate: BenchGate): object {
  const branches = gate.rules.flatMap((rule) => [
    rule.tests.length === 0 ? true : { and: rule.tests.map(logicOf) },
    rule.percentage === 100
      ? 'on'
      : {
          fractional: [
            { cat: [gate.name, { var: 'targetingKey' }] },
            ['on', rule.percentage],
            ['off', 100 - rule.percentage],
          ],
        },
  ]);
  return { if: [...branches, 'off'] };
}

/** flagd's in-process evaluator. */
export const startFlagd: StartPeer = async (gates) => {
  const core = new FlagdCore();
  const flags = gates.map((gate) => [
    gate.name,
    { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off', targeting: targetingOf(gate) },
  ]);
  core.setConfigurations(JSON.stringify({ flags: Object.fromEntries(flags) }));
  const silent = { error() {}, warn() {}, info() {}, debug() {} };
  return {
    name: '@openfeature/flagd-core',
    version: versionOf('@openfeature/flagd-core'),
    toUser: ({ userID, email, country, appVersion, plan, age }: BenchUser): EvaluationContext => ({
      targetingKey: userID,
      userID,
      email,
      country,
      appVersion,
      plan,
      age,
    }),
    isOn: (gate, user) => core.resolveBooleanEvaluation(gate, false, user as EvaluationContext, silent).value,
    evaluateAll: (user) => core.resolveAll(user as EvaluationContext, silent).length,
    close: async () => undefined,
  };
};
