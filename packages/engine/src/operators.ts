/**
 * Operators: each one, given its target, becomes a test of a user-side value. Tests are pure.
 */
import { floatOf, type Integer, integerOf, isMissing, textOf, timestampOf, truncateFloat } from './coerce.js';
import { compileListOperator } from './list-operators.js';
import { compilePattern } from './regex/pattern.js';
import type { Target } from './target.js';
import { compareVersions } from './version-text.js';

/** Answers whether a user-side value satisfies a condition. Must not throw on any value. */
export type Test = (value: unknown) => boolean;

const never: Test = () => false;

/** The test of an operator, or undefined when the operator is not supported for user-side values. */
export function compileOperator(operator: string, target: Target, report: (message: string) => void): Test | undefined {
  return (
    compileNumberOperator(operator, target) ??
    compileVersionOperator(operator, target) ??
    compileListOperator(operator, target) ??
    compileTimeOperator(operator, target) ??
    compileOtherOperator(operator, target, report)
  );
}

function compileOtherOperator(operator: string, target: Target, report: (message: string) => void): Test | undefined {
  switch (operator) {
    case 'eq':
      return compileEquality(target);
    case 'neq': {
      const isEqual = compileEquality(target);
      return (value) => !isEqual(value);
    }
    case 'str_matches':
      return compileMatch(target, report);
    default:
      return undefined;
  }
}

function compileNumberOperator(operator: string, target: Target): Test | undefined {
  const right = target.float ?? Number.NaN;
  switch (operator) {
    case 'gt':
      return (value) => left(value) > right;
    case 'gte':
      return (value) => left(value) >= right;
    case 'lt':
      return (value) => left(value) < right;
    case 'lte':
      return (value) => left(value) <= right;
    default:
      return undefined;
  }
}

const versionOutcomes: Readonly<Record<string, (order: number) => boolean>> = {
  version_gt: (order) => order > 0,
  version_gte: (order) => order >= 0,
  version_lt: (order) => order < 0,
  version_lte: (order) => order <= 0,
  version_eq: (order) => order === 0,
  version_neq: (order) => order !== 0,
};

/** A missing view is NaN, with which every comparison is false. */
function left(value: unknown): number {
  return floatOf(value) ?? Number.NaN;
}

function compileVersionOperator(operator: string, target: Target): Test | undefined {
  if (!operator.startsWith('version_')) return undefined;
  const holds = versionOutcomes[operator];
  const right = target.text;
  if (holds === undefined || right === undefined) return holds && never;
  return (value) => {
    const left = textOf(value);
    const order = left === undefined ? undefined : compareVersions(left, right);
    return order !== undefined && holds(order);
  };
}

function compileMatch(target: Target, report: (message: string) => void): Test {
  if (target.text === undefined) return never;
  const pattern = compilePattern(target.text);
  if ('problem' in pattern) {
    report(`pattern ${JSON.stringify(target.text)}: ${pattern.problem}`);
    return never;
  }
  return (value) => {
    const text = textOf(value);
    return text !== undefined && pattern.matches(text);
  };
}

function compileTimeOperator(operator: string, target: Target): Test | undefined {
  if (operator !== 'before' && operator !== 'after' && operator !== 'on') return undefined;
  const right = target.timestamp ?? (target.float === undefined ? undefined : truncateFloat(target.float));
  if (right === undefined) return never;
  const withLeft = (holds: (left: Integer) => boolean): Test => {
    return (value) => {
      const left = timestampOf(value) ?? integerOf(value);
      return left !== undefined && holds(scaleSeconds(left));
    };
  };
  if (operator === 'before') return withLeft((left) => left < right);
  if (operator === 'after') return withLeft((left) => left > right);
  const rightDay = dayOf(right);
  return withLeft((left) => dayOf(left) === rightDay);
}

/** Small times are seconds. Only the user's side is scaled. */
function scaleSeconds(time: Integer): Integer {
  return typeof time === 'number' && time > -1e10 && time < 1e10 ? time * 1000 : time;
}

function dayOf(time: Integer): number {
  // `+ 0` turns the -0 of times just before 1970 into 0.
  return typeof time === 'number' ? Math.trunc(time / 86_400_000) + 0 : Number(time / 86_400_000n);
}

function compileEquality(target: Target): Test {
  switch (target.kind) {
    case 'null':
      return isMissing;
    case 'bool':
      return (value) => value === target.bool;
    case 'number':
      return (value) => floatOf(value) === target.float;
    case 'text':
      return (value) => textOf(value) === target.text;
    case 'list':
      return (value) => Array.isArray(value) && isSameList(value, target);
    case 'object':
      return (value) => isSameObject(value, target);
  }
}

/** Elements are compared at their authored places; a place that the user's array lacks (a crash of the reference) is unequal. */
function isSameList(value: readonly unknown[], target: Target): boolean {
  const list = target.list ?? new Map();
  if (list.size !== value.length) return false;
  for (const element of list.values()) {
    if (textOf(value[element.index]) !== element.text) return false;
  }
  return true;
}

function isSameObject(value: unknown, target: Target): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const object = target.object ?? new Map();
  const entries = Object.entries(value);
  if (entries.length !== object.size) return false;
  return entries.every(([key, element]) => {
    const text = textOf(element);
    return text !== undefined && object.get(key) === text;
  });
}
