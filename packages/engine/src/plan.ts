/**
 * Plans: most specs ask nothing but the user, and can say nothing but a few things, one or two for each
 * rule. Those are decided by a loop over comparisons, and answered with decisions that are made once.
 * Everything else is evaluated step by step (evaluate.ts), which also makes these decisions.
 */
import type { Call } from './call.js';
import type { CompiledRule, CompiledSpec } from './compiled.js';
import type { CompiledCondition } from './conditions.js';
import { readConfig, readGate, readLayer } from './decide.js';
import type { ConfigDecision, Decision, GateDecision, LayerDecision } from './decision.js';
import { type AskedKind, describe, finish, settle, settleByDefault } from './evaluate.js';
import { Evaluation } from './evaluation.js';
import { holds } from './holds.js';
import type { CompiledProgram } from './program.js';
import type { UnitBucket } from './sources.js';

/** A rule all of whose conditions are pure comparisons. */
interface PlainRule {
  readonly compiled: CompiledRule;
  readonly conditions: readonly CompiledCondition[];
  /** Only where the percentage is strictly between 0 and 100. */
  readonly bucket: UnitBucket | undefined;
  readonly threshold: number;
}

/** How a spec is decided, asked for as one kind. Good for programs with the same links. */
export interface Plan {
  readonly links: object;
  /** Undefined: not plain, to be evaluated step by step. */
  readonly rules: readonly PlainRule[] | undefined;
  /** By outcome: 2 × rule when it fails its percentage, and the next when it passes; the default last. */
  readonly decisions: (Decision | undefined)[];
}

/** The kind of decision that a kind of question gets. */
type DecisionOn<Kind extends AskedKind> = Kind extends 'gate'
  ? GateDecision
  : Kind extends 'layer'
    ? LayerDecision
    : ConfigDecision;

/** The answer of a plain spec; undefined when it has to be decided step by step, also where answers are forced. */
export function decidePlain<Kind extends AskedKind>(
  call: Call,
  kind: Kind,
  name: string,
  spec: CompiledSpec,
): DecisionOn<Kind> | undefined {
  return call.context.localOverrides === undefined
    ? (decideByPlan(call, kind, name, spec) as DecisionOn<Kind> | undefined)
    : undefined;
}

function decideByPlan(call: Call, kind: AskedKind, name: string, spec: CompiledSpec): Decision | undefined {
  const plan = planOf(call.program, kind, name, spec);
  if (plan.rules === undefined) return undefined;
  const outcome = outcomeOf(plan.rules, call);
  return plan.decisions[outcome] ?? decisionOf(plan, call.program, kind, name, spec, outcome);
}

function outcomeOf(rules: readonly PlainRule[], call: Call): number {
  next: for (let i = 0; i < rules.length; i++) {
    const { conditions, bucket, threshold } = rules[i] as PlainRule;
    for (let j = 0; j < conditions.length; j++) {
      if (!holds(conditions[j] as CompiledCondition, call)) continue next;
    }
    if (bucket === undefined) return 2 * i + (threshold > 0 ? 1 : 0);
    return 2 * i + (bucket.read(call) < threshold ? 1 : 0);
  }
  return 2 * rules.length;
}

function planOf(program: CompiledProgram, kind: AskedKind, name: string, spec: CompiledSpec): Plan {
  const known = kind === 'experiment' ? spec.experimentPlan : spec.plan;
  if (known !== undefined && known.links === program.links) return known;
  const plan = makePlan(program, kind, name, spec);
  if (kind === 'experiment') spec.experimentPlan = plan;
  else spec.plan = plan;
  return plan;
}

function makePlan(program: CompiledProgram, kind: AskedKind, name: string, spec: CompiledSpec): Plan {
  const isRedirected = program.mappings?.has(name) || (kind === 'experiment' && program.cmabs?.has(name));
  const isMerged = kind === 'layer' && spec.authored.useNewLayerEval === true;
  const rules = isRedirected || isMerged ? undefined : plainRules(program, spec);
  return { links: program.links, rules, decisions: Array(2 * spec.rules.length + 1).fill(undefined) };
}

function plainRules(program: CompiledProgram, spec: CompiledSpec): PlainRule[] | undefined {
  const rules: PlainRule[] = [];
  for (const compiled of spec.rules) {
    const conditions = pureConditions(program, compiled);
    if (conditions === undefined || compiled.delegateSlot >= 0) return undefined;
    const percentage = compiled.authored.passPercentage;
    const isHashed = percentage !== 0 && percentage !== 100;
    const bucket = isHashed ? compiled.bucketUnder(spec.authored.salt) : undefined;
    rules.push({ compiled, conditions, bucket, threshold: compiled.threshold });
  }
  return rules;
}

/** Those that have to be looked at; undefined when one of them is not a pure comparison. */
function pureConditions(program: CompiledProgram, rule: CompiledRule): CompiledCondition[] | undefined {
  const conditions: CompiledCondition[] = [];
  for (const slot of rule.conditions) {
    const condition = program.conditions[slot];
    if (!condition?.isPure) return undefined;
    if (condition.kind !== 'always') conditions.push(condition);
  }
  return conditions;
}

/** Made by the functions that decide step by step, and kept. Shared between callers, and so frozen. */
function decisionOf(
  plan: Plan,
  program: CompiledProgram,
  kind: AskedKind,
  name: string,
  spec: CompiledSpec,
  outcome: number,
): Decision {
  const evaluation = new Evaluation(program, {}, { now: 0 });
  const rule = plan.rules?.[outcome >> 1]?.compiled;
  describe(evaluation, spec);
  if (rule === undefined) settleByDefault(evaluation, spec);
  else settle(evaluation, spec, rule, (outcome & 1) === 1);
  finish(evaluation);
  const decision = Object.freeze(readDecision(evaluation, kind, name));
  plan.decisions[outcome] = decision;
  return decision;
}

function readDecision(evaluation: Evaluation, kind: AskedKind, name: string): Decision {
  switch (kind) {
    case 'gate':
      return readGate(evaluation, name, 'Recognized');
    case 'layer':
      return readLayer(evaluation, name, 'Recognized');
    default:
      return readConfig(evaluation, kind, name, 'Recognized');
  }
}
