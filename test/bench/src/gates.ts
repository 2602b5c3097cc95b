/**
 * Gates in a neutral form, so that every peer decides the same thing and nobody is measured on
 * easier work.
 */
export type Test =
  | { readonly kind: 'in'; readonly field: 'country' | 'plan' | 'userID'; readonly values: readonly string[] }
  | { readonly kind: 'endsWith'; readonly field: 'email'; readonly values: readonly string[] }
  | { readonly kind: 'versionAtLeast'; readonly field: 'appVersion'; readonly version: string }
  | { readonly kind: 'greater'; readonly field: 'age'; readonly value: number };

export interface BenchRule {
  readonly tests: readonly Test[];
  /** 0 to 100. */
  readonly percentage: number;
}

/** True for a unit in the percentage of the first rule whose tests all hold. */
export interface BenchGate {
  readonly name: string;
  readonly rules: readonly BenchRule[];
}

export interface BenchUser {
  readonly userID: string;
  readonly email: string;
  readonly country: string;
  readonly appVersion: string;
  readonly plan: string;
  readonly age: number;
}

const countries = ['US', 'CA', 'DE', 'FR', 'JP', 'BR', 'IN', 'GB'];
const plans = ['free', 'pro', 'team', 'enterprise'];

export const planGate: BenchGate = {
  name: 'plan_gate',
  rules: [{ tests: [{ kind: 'in', field: 'plan', values: ['pro', 'team'] }], percentage: 100 }],
};

export const countryGate: BenchGate = {
  name: 'country_gate',
  rules: [{ tests: [{ kind: 'in', field: 'country', values: countries }], percentage: 50 }],
};

/** Ten rules of every kind, of which the last matches everybody. */
export const tenRules: BenchGate = {
  name: 'ten_rules',
  rules: [
    { tests: [{ kind: 'in', field: 'country', values: ['NZ', 'AU'] }], percentage: 100 },
    { tests: [{ kind: 'in', field: 'plan', values: ['internal'] }], percentage: 100 },
    { tests: [{ kind: 'endsWith', field: 'email', values: ['@sluice.test', '@staff.test'] }], percentage: 100 },
    { tests: [{ kind: 'versionAtLeast', field: 'appVersion', version: '9.0.0' }], percentage: 100 },
    { tests: [{ kind: 'greater', field: 'age', value: 120 }], percentage: 100 },
    { tests: [{ kind: 'in', field: 'userID', values: ['tester-1', 'tester-2', 'tester-3'] }], percentage: 100 },
    {
      tests: [
        { kind: 'in', field: 'country', values: ['US'] },
        { kind: 'in', field: 'plan', values: ['legacy'] },
      ],
      percentage: 100,
    },
    { tests: [{ kind: 'greater', field: 'age', value: 99 }], percentage: 100 },
    { tests: [{ kind: 'versionAtLeast', field: 'appVersion', version: '8.5.0' }], percentage: 100 },
    { tests: [{ kind: 'in', field: 'country', values: countries }], percentage: 50 },
  ],
};

/** Gates of six shapes in turn. */
export function mixedGates(count: number): BenchGate[] {
  const at = <T>(list: readonly T[], index: number): T => list[index % list.length] as T;
  const rulesOf = (index: number): BenchRule[] => {
    switch (index % 6) {
      case 0:
        return [{ tests: [], percentage: 10 + (index % 80) }];
      case 1:
        return [{ tests: [{ kind: 'in', field: 'country', values: [at(countries, index)] }], percentage: 100 }];
      case 2:
        return [{ tests: [{ kind: 'in', field: 'plan', values: [at(plans, index)] }], percentage: 50 }];
      case 3:
        return [
          { tests: [{ kind: 'versionAtLeast', field: 'appVersion', version: `${index % 9}.2.0` }], percentage: 100 },
        ];
      case 4:
        return [
          { tests: [{ kind: 'endsWith', field: 'email', values: [`@team-${index % 7}.test`] }], percentage: 100 },
          { tests: [{ kind: 'greater', field: 'age', value: 20 + (index % 50) }], percentage: 30 },
        ];
      default:
        return [
          { tests: [{ kind: 'in', field: 'userID', values: [`user-${index}`, `user-${index + 1}`] }], percentage: 100 },
          { tests: [{ kind: 'in', field: 'country', values: [at(countries, index)] }], percentage: 25 },
        ];
    }
  };
  return Array.from({ length: count }, (_, index) => ({ name: `mixed_${index}`, rules: rulesOf(index) }));
}

export function benchUser(index: number): BenchUser {
  return {
    userID: `user-${index}`,
    email: `user-${index}@team-${index % 11}.test`,
    country: countries[index % countries.length] ?? 'US',
    appVersion: `${index % 8}.${index % 5}.1`,
    plan: plans[index % plans.length] ?? 'free',
    age: 18 + (index % 60),
  };
}
