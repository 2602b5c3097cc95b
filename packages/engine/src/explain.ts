/**
 * Explanations: what the evaluation tells a recorder while it decides. The code that decides is the same;
 * without a recorder all that is left of it is a comparison with undefined.
 */
import { BareInteger } from './coerce.js';
import type { CompiledRule, CompiledSpec } from './compiled.js';
import type { CompiledCondition } from './conditions.js';
import type { AskedKind } from './evaluate.js';
import type { Evaluation } from './evaluation.js';
import type { JsonText } from './ruleset.js';

export type ConditionOutcome = 'holds' | 'fails' | 'unsupported' | 'unknown' | 'not evaluated';

export interface ConditionTrace {
  readonly id: string;
  /** Empty for an id that the ruleset does not have. */
  readonly type: string;
  readonly operator: string | null;
  readonly field: string | null;
  readonly target: JsonText | null;
  /** The user's side of the comparison; undefined when missing, or when nothing was compared. */
  value: unknown;
  outcome: ConditionOutcome;
  /** The gate that was asked; absent when it had been asked before in this call. */
  readonly nested: SpecTrace[];
}

/** `passed` and `failed percentage` decide; `delegated` hands the decision on. */
export type RuleOutcome =
  | 'passed'
  | 'failed percentage'
  | 'delegated'
  | 'conditions failed'
  | 'unsupported'
  | 'not evaluated';

export interface RuleTrace {
  readonly id: string;
  readonly groupName: string | null;
  readonly passPercentage: number;
  outcome: RuleOutcome;
  /** The unit's bucket, of 10,000, and the bucket below which units pass. */
  bucket: number | null;
  threshold: number | null;
  readonly conditions: ConditionTrace[];
  /** The experiment that the rule handed the decision to. */
  readonly nested: SpecTrace[];
}

/** One entity that was evaluated, with all its rules in order. */
export interface SpecTrace {
  readonly kind: AskedKind;
  readonly name: string;
  readonly rules: RuleTrace[];
  /** What this entity decided. */
  ruleID: string;
  passed: boolean;
}

/** An entity that is being evaluated, and how far it has got. */
interface Frame {
  readonly spec: SpecTrace;
  nextRule: number;
  rule: RuleTrace | undefined;
  nextCondition: number;
  condition: ConditionTrace | undefined;
}

/** Listens to one top-level call. */
export class Recorder {
  /** What was evaluated at the top: one entity, or several when config mappings were tried. */
  readonly roots: SpecTrace[] = [];
  readonly #frames: Frame[] = [];

  openSpec(kind: AskedKind, name: string, spec: CompiledSpec, evaluation: Evaluation): void {
    const rules = spec.rules.map((rule) => traceRule(rule, evaluation));
    const trace: SpecTrace = { kind, name, rules, ruleID: '', passed: false };
    const outer = this.#frames.at(-1);
    (outer?.condition?.nested ?? outer?.rule?.nested ?? this.roots).push(trace);
    this.#frames.push({ spec: trace, nextRule: 0, rule: undefined, nextCondition: 0, condition: undefined });
  }

  closeSpec(evaluation: Evaluation): void {
    const frame = this.#frames.pop();
    if (frame === undefined) return;
    frame.spec.ruleID = (evaluation.ruleID ?? '') + evaluation.ruleSuffix;
    frame.spec.passed = evaluation.bool;
  }

  /** The next rule of the innermost entity. Rules of config mappings belong to none, and are not noted. */
  openRule(rule: CompiledRule): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) return;
    const trace = frame.spec.rules[frame.nextRule];
    const isOwn = trace !== undefined && trace.id === rule.authored.id;
    frame.rule = isOwn ? trace : undefined;
    frame.nextCondition = 0;
    if (isOwn) frame.nextRule++;
  }

  /** How the rule ended; a later word replaces an earlier one. */
  closeRule(outcome: RuleOutcome): void {
    const rule = this.#frames.at(-1)?.rule;
    if (rule !== undefined) rule.outcome = outcome;
  }

  openCondition(): void {
    const frame = this.#frames.at(-1);
    if (frame !== undefined) frame.condition = frame.rule?.conditions[frame.nextCondition++];
  }

  closeCondition(evaluation: Evaluation, condition: CompiledCondition | undefined): void {
    const frame = this.#frames.at(-1);
    const trace = frame?.condition;
    if (frame === undefined || trace === undefined) return;
    frame.condition = undefined;
    trace.value = condition && comparedValue(condition, evaluation);
    if (condition === undefined) trace.outcome = 'unknown';
    else if (condition.kind === 'unsupported') trace.outcome = 'unsupported';
    else trace.outcome = evaluation.bool ? 'holds' : 'fails';
  }

  percentage(bucket: number, threshold: number): void {
    const rule = this.#frames.at(-1)?.rule;
    if (rule === undefined) return;
    rule.bucket = bucket;
    rule.threshold = threshold;
  }
}

function traceRule(rule: CompiledRule, evaluation: Evaluation): RuleTrace {
  const { id, groupName, passPercentage, conditions } = rule.authored;
  return {
    id,
    groupName: groupName ?? null,
    passPercentage,
    outcome: 'not evaluated',
    bucket: null,
    threshold: null,
    conditions: conditions.map((conditionId, index) => traceCondition(conditionId, rule.conditions[index], evaluation)),
    nested: [],
  };
}

function traceCondition(id: string, slot: number | undefined, evaluation: Evaluation): ConditionTrace {
  const authored = slot === undefined ? undefined : evaluation.program.conditions[slot]?.authored;
  return {
    id,
    type: authored?.type ?? '',
    operator: authored?.operator ?? null,
    field: authored?.field ?? null,
    target: authored?.targetValue ?? null,
    value: undefined,
    outcome: 'not evaluated',
    nested: [],
  };
}

/** Read again, after deciding: sources answer the same for the whole call. */
function comparedValue(condition: CompiledCondition, evaluation: Evaluation): unknown {
  if (condition.kind === 'group') return evaluation.groups?.get(condition.name);
  if (condition.kind !== 'test' && condition.kind !== 'list') return undefined;
  const value = condition.source.read(evaluation);
  return value instanceof BareInteger ? value.value : value;
}
