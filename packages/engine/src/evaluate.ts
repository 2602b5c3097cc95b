/** The evaluation of a spec, step by step as the reference takes them. */
import { evaluateCmab } from './cmab.js';
import type { CompiledRule, CompiledSpec } from './compiled.js';
import { depthExceeded, depthMax, type Evaluation, isTooDeep } from './evaluation.js';
import { applyMapping } from './mapping.js';
import { matchRule } from './match.js';
import { evaluateMergedLayer } from './merged-layer.js';
import { applyLocalOverride } from './overrides.js';
import type { CompiledProgram } from './program.js';
import { noValue } from './value.js';

/** How a name is asked for. Experiments live among the configs, and may be bandits. */
export type AskedKind = 'gate' | 'config' | 'experiment' | 'layer';

/** The compiled spec of a name, in the section of its kind. */
export function specNamed(program: CompiledProgram, kind: AskedKind, name: string): CompiledSpec | undefined {
  const { names } = program;
  if (kind === 'gate') return specAt(program.gates, names.gates.find(name));
  if (kind === 'layer') return specAt(program.layers, names.layers.find(name));
  return specAt(program.configs, names.configs.find(name));
}

function specAt(specs: readonly (CompiledSpec | undefined)[], slot: number | undefined): CompiledSpec | undefined {
  return slot === undefined ? undefined : specs[slot];
}

/** Decides `name` into the evaluation's record. False: no such entity. */
export function evaluateSpec(
  evaluation: Evaluation,
  kind: AskedKind,
  name: string,
  spec: CompiledSpec | undefined,
): boolean {
  if (evaluation.context.localOverrides !== undefined && applyLocalOverride(evaluation, kind, name, spec)) return true;
  if (evaluation.program.mappings !== undefined && applyMapping(evaluation, kind, name, spec)) return true;
  if (kind === 'experiment' && evaluation.program.cmabs !== undefined && evaluateCmab(evaluation, name)) return true;
  if (spec === undefined) return false;
  evaluation.recorder?.openSpec(kind, name, spec.rules, evaluation);
  describe(evaluation, spec);
  if (kind === 'layer' && spec.authored.useNewLayerEval === true) evaluateMergedLayer(evaluation, spec);
  else evaluateRules(evaluation, spec, spec.rules);
  evaluation.recorder?.closeSpec(evaluation);
  return true;
}

/** The outermost spec names the record; activity, layer and parameters are those of the innermost that has them. */
export function describe(evaluation: Evaluation, spec: CompiledSpec): void {
  const authored = spec.authored;
  evaluation.name ??= authored.name;
  evaluation.idType ??= authored.idType;
  evaluation.version ??= authored.version;
  if (authored.isActive !== undefined) evaluation.isExperimentActive = authored.isActive;
  if (authored.hasSharedParams !== undefined) evaluation.isInLayer = authored.hasSharedParams;
  if (authored.explicitParameters !== undefined) evaluation.explicitParameters = authored.explicitParameters;
}

/** Whether some of a spec's rules, with its default behind them, answer true. */
export function evaluateRulesOnly(evaluation: Evaluation, spec: CompiledSpec, rules: readonly CompiledRule[]): boolean {
  try {
    evaluateRules(evaluation, spec, rules);
    return evaluation.bool;
  } catch (error) {
    if (isTooDeep(error)) return false;
    throw error;
  }
}

function evaluateRules(evaluation: Evaluation, spec: CompiledSpec, rules: readonly CompiledRule[]): void {
  for (const rule of rules) {
    matchRule(evaluation, rule);
    if (evaluation.isUnsupported) return;
    if (!evaluation.bool) continue;
    const isDelegated = rule.delegateSlot >= 0 && evaluateDelegate(evaluation, rule);
    if (!isDelegated) settle(evaluation, spec, rule, passesPercentage(evaluation, rule, spec.authored.salt));
    finish(evaluation);
    return;
  }
  settleByDefault(evaluation, spec);
  finish(evaluation);
}

/** No rule has matched. */
export function settleByDefault(evaluation: Evaluation, spec: CompiledSpec): void {
  evaluation.bool = spec.defaultValue.bool === true;
  evaluation.value = spec.defaultValue;
  evaluation.ruleID = spec.authored.enabled ? 'default' : 'disabled';
}

/** Conditions hold: the percentage picks the rule's value or the default. Either way this rule has decided. */
export function settle(evaluation: Evaluation, spec: CompiledSpec, rule: CompiledRule, passes: boolean): void {
  if (passes) {
    evaluation.bool = rule.value.bool !== false;
    evaluation.value = rule.value;
  } else {
    evaluation.bool = spec.defaultValue.bool === true;
    evaluation.value = spec.defaultValue;
  }
  evaluation.ruleID = rule.authored.id;
  evaluation.groupName = rule.authored.groupName;
  evaluation.isExperimentGroup = rule.authored.isExperimentGroup === true;
  // A match says so even where the spec does not: a matching rule of a nested gate makes it false.
  evaluation.isExperimentActive = spec.authored.isActive === true;
}

/** Whether the unit is inside the rule's percentage, hashed only when it is strictly between 0 and 100. */
export function passesPercentage(evaluation: Evaluation, rule: CompiledRule, specSalt: string): boolean {
  const percentage = rule.authored.passPercentage;
  // Only an explanation wants to know the bucket then.
  if (evaluation.recorder === undefined && (percentage === 100 || percentage === 0)) return percentage === 100;
  const unitBucket = rule.bucket(specSalt, evaluation);
  const passes = unitBucket < rule.threshold;
  evaluation.recorder?.percentage(unitBucket, rule.threshold);
  evaluation.recorder?.closeRule(passes ? 'passed' : 'failed percentage');
  return passes;
}

/** Nesting begins. The reference stops at its own depth, which some paths leave counted too high. */
export function deepen(evaluation: Evaluation): void {
  if (++evaluation.depth > depthMax) throw depthExceeded;
  evaluation.enter();
}

/** Hands the decision to the experiment that the rule names. False: it does not exist. */
export function evaluateDelegate(evaluation: Evaluation, rule: CompiledRule): boolean {
  const name = rule.authored.configDelegate ?? '';
  const spec = evaluation.program.configs[rule.delegateSlot];
  if (spec === undefined) return false;
  evaluation.undelegated = evaluation.exposures;
  deepen(evaluation);
  // What the layer's rule left behind is not the experiment's, should that turn out unsupported or forced.
  evaluation.bool = false;
  evaluation.value = noValue;
  evaluateSpec(evaluation, 'experiment', name, spec);
  evaluation.leave();
  evaluation.explicitParameters = spec.authored.explicitParameters;
  evaluation.configDelegate = name;
  evaluation.recorder?.closeRule('delegated');
  return true;
}

/** What is said whichever way it went. */
export function finish(evaluation: Evaluation): void {
  if (evaluation.depth > 0) {
    evaluation.depth--;
    return;
  }
  if (evaluation.exposures.length > 0) evaluation.undelegated ??= evaluation.exposures;
}
