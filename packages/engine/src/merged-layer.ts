/** The newer way to evaluate layers: every rule that passes contributes the parameters that are still free. */
import type { CompiledRule, CompiledSpec } from './compiled.js';
import type { SecondaryExposure } from './decision.js';
import { evaluateDelegate, passesPercentage } from './evaluate.js';
import { type Evaluation, joinExposures } from './evaluation.js';
import { matchRule } from './match.js';
import type { JsonText } from './ruleset.js';
import { membersOf, noValue, type Value, valueOfMembers } from './value.js';

/** What the rules have contributed so far. */
interface Merge {
  readonly members: Map<string, JsonText>;
  readonly ruleIDs: Map<string, string>;
  exposures: readonly SecondaryExposure[];
  /** The experiment that contributed, if one did, and the layer's rule that named it. */
  delegate: Delegate | undefined;
  hasContributed: boolean;
}

interface Delegate {
  readonly rule: CompiledRule;
  readonly name: string | undefined;
  readonly groupName: string | undefined;
  readonly explicitParameters: readonly string[] | undefined;
}

/** Evaluates a layer that has `useNewLayerEval`. */
export function evaluateMergedLayer(evaluation: Evaluation, spec: CompiledSpec): void {
  const merge: Merge = {
    members: new Map(),
    ruleIDs: new Map(),
    exposures: [],
    delegate: undefined,
    hasContributed: false,
  };
  for (const rule of spec.rules) {
    matchRule(evaluation, rule);
    takeExposures(evaluation, merge);
    if (evaluation.isUnsupported) return;
    if (!evaluation.bool || !passesPercentage(evaluation, rule, spec.authored.salt)) continue;
    // An unsupported delegate contributes nothing, but stops only the next rule.
    contribute(evaluation, merge, rule);
  }
  conclude(evaluation, merge, spec);
}

function takeExposures(evaluation: Evaluation, merge: Merge): void {
  merge.exposures = joinExposures(merge.exposures, evaluation.takeExposures());
}

/**
 * An experiment contributes only when it has a value and no rule before it has one. One that is passed over leaves its
 * exposures in the record, where they join those of the next rule.
 */
function contribute(evaluation: Evaluation, merge: Merge, rule: CompiledRule): void {
  if (rule.delegateSlot >= 0 && evaluateDelegate(evaluation, rule)) {
    if (merge.hasContributed || evaluation.value === noValue) {
      evaluation.recorder?.closeRule('passed over');
      return;
    }
    addMembers(merge, evaluation.value, rule.authored.id);
    takeExposures(evaluation, merge);
    const { configDelegate, groupName, explicitParameters } = evaluation;
    merge.delegate = { rule, name: configDelegate, groupName, explicitParameters };
  } else {
    addMembers(merge, rule.value, rule.authored.id);
  }
  merge.hasContributed = true;
}

function addMembers(merge: Merge, value: Value, ruleID: string): void {
  for (const [key, text] of membersOf(value)) {
    if (merge.members.has(key)) continue;
    merge.members.set(key, text);
    merge.ruleIDs.set(key, ruleID);
  }
}

function conclude(evaluation: Evaluation, merge: Merge, spec: CompiledSpec): void {
  addMembers(merge, spec.defaultValue, 'default');
  const delegate = merge.delegate;
  evaluation.bool = merge.hasContributed;
  evaluation.value = valueOfMembers(merge.members);
  evaluation.parameterRuleIDs = merge.ruleIDs;
  evaluation.exposures = merge.exposures;
  evaluation.undelegated = [];
  evaluation.ruleID = delegate?.rule.authored.id ?? 'default';
  evaluation.groupName = delegate?.groupName;
  evaluation.configDelegate = delegate?.name;
  evaluation.explicitParameters = delegate?.explicitParameters;
  evaluation.isExperimentGroup = delegate?.rule.authored.isExperimentGroup === true;
  evaluation.isExperimentActive = spec.authored.isActive === true;
}
