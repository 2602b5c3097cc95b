import { type Context, Unleash } from 'unleash-client';
import type { BenchGate, BenchUser, Test } from '../gates.js';
import type { StartPeer } from './peer.js';
import { versionOf } from './version-of.js';

function constraintOf(test: Test) {
  const base = { contextName: test.field === 'userID' ? 'userId' : test.field, inverted: false };
  switch (test.kind) {
    case 'in':
      return { ...base, operator: 'IN', values: [...test.values] };
    case 'endsWith':
      return { ...base, operator: 'STR_ENDS_WITH', values: [...test.values] };
    case 'versionAtLeast':
      // "At least" is "not less than".
      return { ...base, operator: 'SEMVER_LT', value: test.version, values: [], inverted: true };
    case 'greater':
      return { ...base, operator: 'NUM_GT', value: String(test.value), values: [] };
    default: {
      const never: never = test;
      return never;
    }
  }
}

function featureOf(gate: BenchGate) {
  return {
    name: gate.name,
    enabled: true,
    type: 'release',
    project: 'bench',
    stale: false,
    impressionData: false,
    variants: [],
    strategies: gate.rules.map((rule) => ({
      name: 'flexibleRollout',
      parameters: { rollout: String(rule.percentage), stickiness: 'userId', groupId: gate.name },
      constraints: rule.tests.map(constraintOf),
      segments: [],
      variants: [],
    })),
  };
}

/** Unleash's Node SDK, from bootstrap data alone. */
export const startUnleash: StartPeer = async (gates) => {
  const unleash = new Unleash({
    url: 'http://127.0.0.1:9/api',
    appName: 'bench',
    refreshInterval: 0,
    disableMetrics: true,
    skipInstanceCountWarning: true,
    bootstrap: { data: gates.map(featureOf) as never },
    bootstrapOverride: true,
  });
  unleash.on('error', () => undefined);
  unleash.on('warn', () => undefined);
  await unleash.start().catch(() => undefined);
  return {
    name: 'unleash-client',
    version: versionOf('unleash-client'),
    toUser: ({ userID, email, country, appVersion, plan, age }: BenchUser): Context => ({
      userId: userID,
      properties: { email, country, appVersion, plan, age },
    }),
    isOn: (gate, user) => unleash.isEnabled(gate, user as Context),
    evaluateAll: (user) => {
      for (const { name } of gates) unleash.isEnabled(name, user as Context);
      return gates.length;
    },
    close: async () => unleash.destroy(),
  };
};
