import type { Condition } from '@sluice/proto';
import {
  type Comparison,
  type ConditionDocument,
  comparisonNames,
  comparisons,
  type VersionComparison,
  versionComparisons,
} from './condition-schema.js';

/** Attributes that the engine also finds in the user-agent header. */
const fromUserAgent = new Set([
  'os_name',
  'osname',
  'os_version',
  'osversion',
  'browser_name',
  'browsername',
  'browser_version',
  'browserversion',
]);

/** A readable condition as the engine's, one for each comparison. `idType` is the unit of the rule that it stands in. */
export function conditionsOf(document: ConditionDocument, idType: string): Condition[] {
  const base = { ...blank, idType };
  const { field, unit, app_version: version, time } = document;
  if (unit !== undefined) {
    return testsOf(document).map((test) => ({ ...base, type: 'unit_id', idType: unit, ...test }));
  }
  if (field !== undefined) return testsOf(document).map((test) => ({ ...base, type: sourceOf(field), field, ...test }));
  if (version !== undefined) {
    return versionTests(version).map((test) => ({ ...base, type: 'user_field', field: 'appVersion', ...test }));
  }
  if (time !== undefined) return timeTests(time).map((test) => ({ ...base, type: 'current_time', ...test }));
  return [{ ...base, ...single(document, idType) }];
}

/** Conditions that make one condition of the engine. */
function single(document: ConditionDocument, idType: string): Partial<Condition> {
  const { segment, not_segment, gate, not_gate, percentage, experiment, environment, country } = document;
  if (segment !== undefined) return gateTest('pass_gate', segmentName(segment));
  if (not_segment !== undefined) return gateTest('fail_gate', segmentName(not_segment));
  if (gate !== undefined) return gateTest('pass_gate', gate);
  if (not_gate !== undefined) return gateTest('fail_gate', not_gate);
  if (percentage !== undefined) {
    return bucketTest(document.salt ?? 'share', 'lt', percentage, document.of ?? idType);
  }
  if (experiment !== undefined) {
    return { type: 'experiment_group', field: experiment, ...anyOf(document.groups ?? []) };
  }
  if (environment !== undefined) return { type: 'environment_field', field: 'tier', ...anyOf(environment) };
  if (country !== undefined) return { type: 'ip_based', field: 'country', ...anyOf(country) };
  return { type: 'public' };
}

const blank: Condition = {
  type: '',
  idType: '',
  targetValueJson: undefined,
  operator: undefined,
  field: undefined,
  additionalValues: {},
};

/** Segments live among the gates, under names that keep them out of exposures. */
export function segmentName(name: string): string {
  return `segment:${name}`;
}

export function gateTest(type: 'pass_gate' | 'fail_gate', gate: string): Pick<Condition, 'type' | 'targetValueJson'> {
  return { type, targetValueJson: JSON.stringify(gate) };
}

/** Units whose bucket, 0 to 999, is on one side of a percentage. */
export function bucketTest(salt: string, operator: 'lt' | 'gte', percentage: number, idType: string): Condition {
  return {
    ...blank,
    type: 'user_bucket',
    idType,
    operator,
    targetValueJson: String(Math.round(percentage * 10)),
    additionalValues: { salt },
  };
}

type Test = Pick<Condition, 'operator' | 'targetValueJson'>;

function anyOf(operand: unknown): Test {
  return { operator: 'any', targetValueJson: JSON.stringify(texts(operand)) };
}

/** Lists are compared as text, so they are kept as text. */
function texts(operand: unknown): string[] {
  return (Array.isArray(operand) ? operand : [operand]).map(String);
}

function sourceOf(field: string): string {
  const name = field.toLowerCase();
  if (name === 'country') return 'ip_based';
  return fromUserAgent.has(name) ? 'ua_based' : 'user_field';
}

function testsOf(document: ConditionDocument): Test[] {
  return comparisonNames
    .filter((name) => document[name] !== undefined)
    .map((name) => {
      const { operator, kind } = comparisons[name];
      return { operator, targetValueJson: JSON.stringify(targetOf(kind, document[name])) };
    });
}

function targetOf(kind: (typeof comparisons)[Comparison]['kind'], operand: unknown): unknown {
  if (kind === 'list') return texts(operand);
  return kind === 'time' ? Date.parse(String(operand)) : operand;
}

function versionTests(tests: Readonly<Record<string, string | undefined>>): Test[] {
  return Object.entries(tests).map(([name, version]) => ({
    operator: versionComparisons[name as VersionComparison],
    targetValueJson: JSON.stringify(version),
  }));
}

function timeTests(tests: Readonly<Record<string, string | undefined>>): Test[] {
  return Object.entries(tests).map(([operator, time]) => ({
    operator,
    targetValueJson: String(Date.parse(String(time))),
  }));
}
