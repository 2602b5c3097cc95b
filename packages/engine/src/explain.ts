/**
 * Explanations: what the evaluation tells a recorder while it decides. The code that decides is the same;
 * without a recorder all that is left of it is a comparison with undefined.
 */
import { BareInteger } from './coerce.js';
import type { CompiledRule } from './compiled.js';
import type { CompiledCondition } from './conditions.js';
import type { AskedKind } from './evaluate.js';
import type { Evaluation } from './evaluation.js';
import type { Cmab, JsonText } from './ruleset.js';

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
  /** The gate or experiment that was asked; absent when it had been asked before in this call. */
  readonly nested: SpecTrace[];
}

/**
 * `passed` and `failed percentage` decide; `delegated` hands the decision on; `passed over` matched, but its
 * experiment had nothing to add to what rules before it have given.
 */
export type RuleOutcome =
  | 'passed'
  | 'failed percentage'
  | 'delegated'
  | 'passed over'
  | 'conditions failed'
  | 'unsupported'
  | 'not evaluated';

export interface RuleTrace {
  readonly id: string;
  readonly groupName: string | null;
  readonly passPercentage: number;
  outcome: RuleOutcome;
  /** What there is to say beyond that, in words. */
  note: string | null;
  /** The unit's bucket, of 10,000, and the bucket below which units pass. */
  bucket: number | null;
  threshold: number | null;
  readonly conditions: ConditionTrace[];
  /** The entity that the rule handed the decision to. */
  readonly nested: SpecTrace[];
}

/**
 * What answers for a name: its own rules; the rules of a config mapping, which leads elsewhere; a bandit, whose
 * groups are shown as rules; or an answer that the caller forces.
 */
export type SpecOrigin = 'rules' | 'mapping' | 'bandit' | 'local override';

/** One entity that was evaluated, with all its rules in order. */
export interface SpecTrace {
  readonly kind: AskedKind;
  readonly name: string;
  readonly origin: SpecOrigin;
  readonly rules: RuleTrace[];
  /** What this entity decided. */
  ruleID: string;
  passed: boolean;
}

/** An entity that is being evaluated, and how far it has got. */
interface Frame {
  readonly spec: SpecTrace;
  readonly compiled: readonly CompiledRule[];
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

  openSpec(
    kind: AskedKind,
    name: string,
    compiled: readonly CompiledRule[],
    evaluation: Evaluation,
    origin: SpecOrigin = 'rules',
  ): void {
    const rules = compiled.map((rule) => traceRule(rule, evaluation));
    this.#open({ kind, name, origin, rules, ruleID: '', passed: false }, compiled);
  }

  #open(trace: SpecTrace, compiled: readonly CompiledRule[]): Frame {
    const outer = this.#frames.at(-1);
    (outer?.condition?.nested ?? outer?.rule?.nested ?? this.roots).push(trace);
    const frame = { spec: trace, compiled, nextRule: 0, rule: undefined, nextCondition: 0, condition: undefined };
    this.#frames.push(frame);
    return frame;
  }

  /** How deep the nesting is, for `unwind`. */
  get depth(): number {
    return this.#frames.length;
  }

  /** Leaves what was being evaluated when an error ended it. */
  unwind(depth: number): void {
    this.#frames.length = Math.min(this.#frames.length, depth);
  }

  closeSpec(evaluation: Evaluation): void {
    const frame = this.#frames.pop();
    if (frame === undefined) return;
    frame.spec.ruleID = (evaluation.ruleID ?? '') + evaluation.ruleSuffix;
    frame.spec.passed = evaluation.bool;
  }

  /** The next rule of the innermost entity that is this one. */
  openRule(rule: CompiledRule): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) return;
    const index = frame.compiled.indexOf(rule, frame.nextRule);
    frame.rule = frame.spec.rules[index];
    frame.nextCondition = 0;
    if (index >= 0) frame.nextRule = index + 1;
  }

  /** How the rule ended; a later word replaces an earlier one. */
  closeRule(outcome: RuleOutcome, note: string | null = null): void {
    const rule = this.#frames.at(-1)?.rule;
    if (rule === undefined) return;
    rule.outcome = outcome;
    rule.note = note;
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

  /** A bandit, with its groups as rules. A gate that targets it is a rule ahead of them. */
  openBandit(name: string, cmab: Cmab): void {
    const targeting = cmab.targetingGateName === undefined ? [] : [traceTargeting(cmab.targetingGateName)];
    const rules = [...targeting, ...cmab.groups.map(traceGroup)];
    const frame = this.#open({ kind: 'experiment', name, origin: 'bandit', rules, ruleID: '', passed: false }, []);
    frame.rule = targeting[0];
    frame.condition = targeting[0]?.conditions[0];
  }

  /** What the gate said that targets a bandit. */
  closeTargeting(passes: boolean): void {
    const frame = this.#frames.at(-1);
    if (frame?.rule === undefined || frame.condition === undefined) return;
    frame.condition.outcome = passes ? 'holds' : 'fails';
    frame.condition = undefined;
    if (passes) this.closeRule('passed', 'the user is in the bandit');
    else this.closeRule('conditions failed');
  }

  /** The group that a bandit has picked, and why. Below the threshold it explores. */
  pickGroup(id: string, note: string, bucket: number, threshold: number): void {
    const frame = this.#frames.at(-1);
    if (frame === undefined) return;
    frame.rule = frame.spec.rules.find((rule) => rule.id === id && rule.conditions.length === 0);
    this.closeRule('passed', note);
    this.percentage(bucket, threshold);
  }

  percentage(bucket: number, threshold: number): void {
    const rule = this.#frames.at(-1)?.rule;
    if (rule === undefined) return;
    rule.bucket = bucket;
    rule.threshold = threshold;
  }
}

const unevaluated = { outcome: 'not evaluated', note: null, bucket: null, threshold: null } as const;

function traceTargeting(gate: string): RuleTrace {
  const target = JSON.stringify(gate);
  const asked = { id: '', type: 'pass_gate', operator: null, field: null, target, value: undefined } as const;
  const condition: ConditionTrace = { ...asked, outcome: 'not evaluated', nested: [] };
  const conditions = [condition];
  return { id: 'inlineTargetingRules', groupName: null, passPercentage: 100, ...unevaluated, conditions, nested: [] };
}

function traceGroup({ id, name }: Cmab['groups'][number]): RuleTrace {
  return { id, groupName: name, passPercentage: 100, ...unevaluated, conditions: [], nested: [] };
}

function traceRule(rule: CompiledRule, evaluation: Evaluation): RuleTrace {
  const { id, groupName, passPercentage, conditions } = rule.authored;
  return {
    id,
    groupName: groupName ?? null,
    passPercentage,
    ...unevaluated,
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
