import type {
  ConditionTrace,
  ConditionOutcome as EngineConditionOutcome,
  RuleOutcome as EngineRuleOutcome,
  SpecOrigin as EngineSpecOrigin,
  RuleTrace,
  SpecTrace,
} from '@sluice/engine';
import {
  ConditionOutcome,
  RuleOutcome,
  SpecOrigin,
  type ConditionTrace as WireConditionTrace,
  type RuleTrace as WireRuleTrace,
  type SpecTrace as WireSpecTrace,
} from '@sluice/proto';
import { kindToWire } from './decision.js';

const ruleOutcomes: Readonly<Record<EngineRuleOutcome, RuleOutcome>> = {
  passed: RuleOutcome.PASSED,
  'failed percentage': RuleOutcome.FAILED_PERCENTAGE,
  delegated: RuleOutcome.DELEGATED,
  'passed over': RuleOutcome.PASSED_OVER,
  'conditions failed': RuleOutcome.CONDITIONS_FAILED,
  unsupported: RuleOutcome.UNSUPPORTED,
  'not evaluated': RuleOutcome.NOT_EVALUATED,
};

const conditionOutcomes: Readonly<Record<EngineConditionOutcome, ConditionOutcome>> = {
  holds: ConditionOutcome.HOLDS,
  fails: ConditionOutcome.FAILS,
  unsupported: ConditionOutcome.UNSUPPORTED,
  unknown: ConditionOutcome.UNKNOWN,
  'not evaluated': ConditionOutcome.NOT_EVALUATED,
};

const origins: Readonly<Record<EngineSpecOrigin, SpecOrigin>> = {
  rules: SpecOrigin.RULES,
  mapping: SpecOrigin.MAPPING,
  bandit: SpecOrigin.BANDIT,
  'local override': SpecOrigin.LOCAL_OVERRIDE,
};

/** The wire form of what the engine noted while it decided. */
export function specTraceToWire({ kind, name, origin, rules, ruleID, passed }: SpecTrace): WireSpecTrace {
  return {
    kind: kindToWire(kind),
    name,
    rules: rules.map(ruleToWire),
    ruleId: ruleID,
    isPassed: passed,
    origin: origins[origin],
  };
}

function ruleToWire(rule: RuleTrace): WireRuleTrace {
  return {
    id: rule.id,
    groupName: rule.groupName ?? '',
    passPercentage: rule.passPercentage,
    outcome: ruleOutcomes[rule.outcome],
    why: rule.note ?? whyRule(rule),
    bucket: rule.bucket ?? undefined,
    threshold: rule.threshold ?? undefined,
    conditions: rule.conditions.map(conditionToWire),
    nested: rule.nested.map(specTraceToWire),
  };
}

function conditionToWire(condition: ConditionTrace): WireConditionTrace {
  return {
    id: condition.id,
    type: condition.type,
    operator: condition.operator ?? '',
    field: condition.field ?? '',
    targetJson: condition.target ?? '',
    valueJson: textOf(condition.value),
    outcome: conditionOutcomes[condition.outcome],
    why: whyCondition(condition),
    nested: condition.nested.map(specTraceToWire),
  };
}

function textOf(value: unknown): string {
  if (typeof value === 'bigint') return String(value);
  // JSON has no word for what is no number; its name is the best there is.
  if (typeof value === 'number' && !Number.isFinite(value)) return JSON.stringify(String(value));
  try {
    return JSON.stringify(value) ?? '';
  } catch {
    return '';
  }
}

function whyRule({ outcome, bucket, threshold, passPercentage, conditions, nested }: RuleTrace): string {
  switch (outcome) {
    case 'passed':
      return bucket === null
        ? 'every condition holds, and everybody passes'
        : `every condition holds, and bucket ${bucket} is below ${threshold}`;
    case 'failed percentage':
      return bucket === null
        ? `every condition holds, but ${passPercentage} % pass`
        : `every condition holds, but bucket ${bucket} is not below ${threshold}`;
    case 'delegated':
      return `every condition holds; ${nested[0]?.name ?? 'an experiment'} decides`;
    case 'passed over':
      return 'every condition holds, but its experiment adds nothing to what rules above have given';
    case 'conditions failed':
      return whyConditions(conditions);
    case 'unsupported':
      return 'it uses something that this evaluator does not know';
    case 'not evaluated':
      return 'it was decided before';
  }
}

/** All conditions of a rule are looked at, so several may fail. */
function whyConditions(conditions: readonly ConditionTrace[]): string {
  const failed = conditions.flatMap(({ outcome }, at) =>
    outcome === 'fails' || outcome === 'unknown' ? [at + 1] : [],
  );
  if (failed.length === 0) return 'a condition does not hold';
  return failed.length === 1 ? `condition ${failed[0]} does not hold` : `conditions ${failed.join(', ')} do not hold`;
}

function whyCondition(condition: ConditionTrace): string {
  switch (condition.outcome) {
    case 'holds':
      return '';
    case 'fails':
      return whyFails(condition);
    case 'unsupported':
      return 'its type or operator is not known to this evaluator';
    case 'unknown':
      return 'the ruleset has no condition of this id';
    case 'not evaluated':
      return 'it was decided before';
  }
}

/** Gates say their own why, below; everybody knows what `public` is. */
function whyFails({ type, field, value, operator }: ConditionTrace): string {
  if (type === 'pass_gate' || type === 'fail_gate') {
    return type === 'pass_gate' ? 'the gate does not pass' : 'the gate passes';
  }
  const what = field === null || field === '' ? 'the value' : field;
  if (value === undefined || value === null) return `${what} is missing`;
  return operator === null ? 'it does not match' : `${what} is not what ${operator} asks for`;
}
