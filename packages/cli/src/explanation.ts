import {
  ConditionOutcome,
  type ConditionTrace,
  conditionOutcomeToJSON,
  RuleOutcome,
  type RuleTrace,
  ruleOutcomeToJSON,
  SpecOrigin,
  type SpecTrace,
  specOriginToJSON,
} from '@sluice/proto';
import { kindWord } from './decision.js';
import { rawJson } from './report.js';
import type { Style } from './style.js';
import { enumWord, shorten } from './words.js';

type Document = Record<string, unknown>;

/** What was evaluated, as `--json` prints it. */
export function specDocument({ kind, name, origin, rules, ruleId, isPassed }: SpecTrace): Document {
  return { kind: kindWord(kind), name, origin: originWord(origin), isPassed, ruleId, rules: rules.map(ruleDocument) };
}

/** Older evaluators leave it out. */
function originWord(origin: SpecOrigin): string {
  return enumWord('SPEC_ORIGIN', specOriginToJSON(origin === SpecOrigin.UNSPECIFIED ? SpecOrigin.RULES : origin));
}

function ruleDocument(rule: RuleTrace): Document {
  return {
    id: rule.id,
    groupName: rule.groupName === '' ? null : rule.groupName,
    passPercentage: rule.passPercentage,
    outcome: enumWord('RULE_OUTCOME', ruleOutcomeToJSON(rule.outcome)),
    why: rule.why,
    bucket: rule.bucket ?? null,
    threshold: rule.threshold ?? null,
    conditions: rule.conditions.map(conditionDocument),
    nested: rule.nested.map(specDocument),
  };
}

function conditionDocument(condition: ConditionTrace): Document {
  const orNull = (text: string): string | null => (text === '' ? null : text);
  return {
    id: condition.id,
    type: condition.type,
    operator: orNull(condition.operator),
    field: orNull(condition.field),
    target: condition.targetJson === '' ? null : rawJson(condition.targetJson),
    value: condition.valueJson === '' ? null : rawJson(condition.valueJson),
    outcome: enumWord('CONDITION_OUTCOME', conditionOutcomeToJSON(condition.outcome)),
    why: condition.why,
    nested: condition.nested.map(specDocument),
  };
}

/** What was evaluated, for people: an entity, its rules below it, their conditions below them. */
export function specLines(spec: SpecTrace, style: Style, indent = ''): string[] {
  const value = spec.isPassed ? style.good('passes') : style.bad('does not pass');
  const by = originWord(spec.origin).toLowerCase().replaceAll('_', ' ');
  const origin = by === 'rules' ? '' : ` (${by})`;
  const title = `${indent}${kindWord(spec.kind)} ${style.strong(spec.name)}${origin}  ${value}, rule ${spec.ruleId}`;
  return [title, ...spec.rules.flatMap((rule, at) => ruleLines(rule, at + 1, style, `${indent}  `))];
}

function ruleLines(rule: RuleTrace, number: number, style: Style, indent: string): string[] {
  const group = rule.groupName === '' ? '' : ` (${rule.groupName})`;
  const head = `${indent}${number}. ${rule.id}${group}  ${rule.passPercentage} %`;
  const isQuiet = rule.outcome === RuleOutcome.NOT_EVALUATED;
  const outcome = enumWord('RULE_OUTCOME', ruleOutcomeToJSON(rule.outcome)).toLowerCase().replaceAll('_', ' ');
  const verdict = isQuiet ? style.faint(outcome) : `${ruleStyle(rule, style)(outcome)}: ${rule.why}`;
  const inner = `${indent}   `;
  return [
    `${head}  ${verdict}`,
    ...rule.conditions.flatMap((condition) => conditionLines(condition, style, inner)),
    ...rule.nested.flatMap((spec) => specLines(spec, style, `${inner}  `)),
  ];
}

function ruleStyle({ outcome }: RuleTrace, style: Style): (text: string) => string {
  if (outcome === RuleOutcome.PASSED || outcome === RuleOutcome.DELEGATED) return style.good;
  return outcome === RuleOutcome.UNSUPPORTED ? style.warn : style.bad;
}

const jsonCharactersMax = 60;

function conditionLines(condition: ConditionTrace, style: Style, indent: string): string[] {
  const { type, field, operator, targetJson, valueJson, outcome, why, id } = condition;
  const asked = [type === '' ? id : type, field, operator, shorten(targetJson, jsonCharactersMax)];
  const text = asked.filter((word) => word !== '').join(' ');
  const value = valueJson === '' ? '' : `  ${style.faint('value')} ${shorten(valueJson, jsonCharactersMax)}`;
  const reason = why === '' || outcome === ConditionOutcome.NOT_EVALUATED ? '' : `  ${style.faint(why)}`;
  const line = `${indent}${markOf(outcome, style)} ${text}${value}${reason}`;
  return [line, ...condition.nested.flatMap((spec) => specLines(spec, style, `${indent}    `))];
}

function markOf(outcome: ConditionOutcome, style: Style): string {
  switch (outcome) {
    case ConditionOutcome.HOLDS:
      return style.good('yes');
    case ConditionOutcome.FAILS:
      return style.bad('no ');
    case ConditionOutcome.NOT_EVALUATED:
      return style.faint('-  ');
    default:
      return style.warn('?  ');
  }
}
