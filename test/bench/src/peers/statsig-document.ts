import type { BenchGate, Test } from '../gates.js';

interface ConditionBody {
  type: string;
  targetValue: unknown;
  operator: string | null;
  field: string | null;
  additionalValues: Record<string, string>;
  idType: string;
}

function conditionOf(test: Test): ConditionBody {
  const base = { type: 'user_field', field: test.field, additionalValues: {}, idType: 'userID' };
  switch (test.kind) {
    case 'in':
      return { ...base, operator: 'any', targetValue: test.values };
    case 'endsWith':
      return { ...base, operator: 'str_ends_with_any', targetValue: test.values };
    case 'versionAtLeast':
      return { ...base, operator: 'version_gte', targetValue: test.version };
    case 'greater':
      return { ...base, operator: 'gt', targetValue: test.value };
    default: {
      const never: never = test;
      return never;
    }
  }
}

const everybody: ConditionBody = {
  type: 'public',
  targetValue: null,
  operator: null,
  field: null,
  additionalValues: {},
  idType: 'userID',
};

function specOf(gate: BenchGate, conditions: (bodies: ConditionBody[]) => unknown[]) {
  return {
    type: 'feature_gate',
    entity: 'feature_gate',
    salt: `salt-${gate.name}`,
    enabled: true,
    defaultValue: false,
    idType: 'userID',
    version: 1,
    rules: gate.rules.map((rule, index) => ({
      id: `${gate.name}-${index}`,
      name: `${gate.name}-${index}`,
      salt: `rule-${index}`,
      passPercentage: rule.percentage,
      returnValue: true,
      idType: 'userID',
      conditions: conditions(rule.tests.length === 0 ? [everybody] : rule.tests.map(conditionOf)),
    })),
  };
}

/** The v2 dialect: conditions shared by id. For the core SDK and for Sluice. */
export function documentV2(gates: readonly BenchGate[]): string {
  const ids = new Map<string, string>();
  const share = (bodies: ConditionBody[]) =>
    bodies.map((body) => {
      const text = JSON.stringify(body);
      const id = ids.get(text) ?? String(ids.size + 1);
      ids.set(text, id);
      return id;
    });
  const featureGates = Object.fromEntries(gates.map((gate) => [gate.name, specOf(gate, share)]));
  return JSON.stringify({
    has_updates: true,
    time: 1,
    response_format: 'dcs-v2',
    feature_gates: featureGates,
    dynamic_configs: {},
    layer_configs: {},
    experiment_to_layer: {},
    condition_map: Object.fromEntries([...ids].map(([text, id]) => [id, JSON.parse(text)])),
  });
}

/** The v1 dialect: conditions inline. For the older JavaScript SDK. */
export function documentV1(gates: readonly BenchGate[]): string {
  return JSON.stringify({
    has_updates: true,
    time: 1,
    feature_gates: gates.map((gate) => ({ name: gate.name, ...specOf(gate, (bodies) => bodies) })),
    dynamic_configs: [],
    layer_configs: [],
    layers: {},
    id_lists: {},
  });
}
