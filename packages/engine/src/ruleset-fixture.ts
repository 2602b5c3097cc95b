/** Small documents for tests: only what a test is about has to be spelled out. */
import { type Compilation, compile } from './compile.js';
import type { Context } from './context.js';
import type { Program } from './program.js';
import { parseStatsigDocument } from './statsig-document.js';

type Data = Record<string, unknown>;

/** A context in production at a fixed time. */
export const context: Context = { now: 1_700_000_000_000, environment: { tier: 'production' } };

export function makeCondition(type: string, operator: string | null, targetValue: unknown, more: Data = {}): Data {
  return { type, operator, targetValue, idType: 'userID', ...more };
}

/** A condition on a user field. */
export function makeFieldCondition(field: string, operator: string, targetValue: unknown): Data {
  return makeCondition('user_field', operator, targetValue, { field });
}

export function makeRule(id: string, conditions: readonly string[], more: Data = {}): Data {
  return { id, name: id, passPercentage: 100, conditions, returnValue: true, idType: 'userID', salt: '', ...more };
}

export function makeGate(rules: readonly Data[], more: Data = {}): Data {
  const fixed = { type: 'feature_gate', entity: 'feature_gate', salt: 'salt', enabled: true, idType: 'userID' };
  return { ...fixed, defaultValue: false, rules, version: 1, ...more };
}

export function makeConfig(rules: readonly Data[], more: Data = {}): Data {
  return makeGate(rules, { type: 'dynamic_config', entity: 'experiment', defaultValue: { d: 1 }, ...more });
}

/** Document text with the required keys filled in. */
export function makeDocument(more: Data): string {
  return JSON.stringify({
    has_updates: true,
    time: 5,
    feature_gates: {},
    dynamic_configs: {},
    layer_configs: {},
    condition_map: {},
    experiment_to_layer: {},
    ...more,
  });
}

export function compileDocument(more: Data): Compilation {
  return compile(parseStatsigDocument(makeDocument(more)).ruleset);
}

/** A program with one gate `g` that holds one condition. */
export function programOf(condition: Data): Program {
  const { program } = compileDocument({
    condition_map: { c: condition },
    feature_gates: { g: makeGate([makeRule('r', ['c'])]) },
  });
  return program;
}
