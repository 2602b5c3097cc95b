import { type FeatureDefinitions, GrowthBookClient } from '@growthbook/growthbook';
import type { BenchGate, BenchUser, Test } from '../gates.js';
import type { StartPeer } from './peer.js';
import { versionOf } from './version-of.js';

function conditionOf(test: Test): Record<string, unknown> {
  switch (test.kind) {
    case 'in':
      return { [test.field]: { $in: test.values } };
    case 'endsWith':
      return { [test.field]: { $regex: `(${test.values.map((value) => value.replaceAll('.', '\\.')).join('|')})$` } };
    case 'versionAtLeast':
      return { [test.field]: { $vgte: test.version } };
    case 'greater':
      return { [test.field]: { $gt: test.value } };
    default: {
      const never: never = test;
      return never;
    }
  }
}

function featuresOf(gates: readonly BenchGate[]): FeatureDefinitions {
  const rulesOf = (gate: BenchGate) =>
    gate.rules.map((rule) => ({
      condition: Object.assign({}, ...rule.tests.map(conditionOf)) as Record<string, never>,
      force: true,
      ...(rule.percentage < 100 ? { coverage: rule.percentage / 100, hashAttribute: 'userID' } : {}),
    }));
  return Object.fromEntries(gates.map((gate) => [gate.name, { defaultValue: false, rules: rulesOf(gate) }]));
}

/** GrowthBook's multi-user client. */
export const startGrowthBook: StartPeer = async (gates) => {
  const client = new GrowthBookClient().initSync({ payload: { features: featuresOf(gates) } });
  return {
    name: '@growthbook/growthbook',
    version: versionOf('@growthbook/growthbook'),
    toUser: ({ userID, email, country, appVersion, plan, age }: BenchUser) => ({
      attributes: { userID, email, country, appVersion, plan, age },
    }),
    isOn: (gate, user) => client.isOn(gate, user as { attributes: Record<string, unknown> }),
    evaluateAll: (user) => {
      for (const { name } of gates) client.isOn(name, user as { attributes: Record<string, unknown> });
      return gates.length;
    },
    close: async () => client.destroy(),
  };
};
