/** Top-level calls: evaluate a name, and read the answer off the record. */

import type { CompiledSpec } from './compiled.js';
import type { ConfigDecision, GateDecision, LayerDecision, Reason, ValueDecision } from './decision.js';
import { type AskedKind, evaluateSpec, specNamed } from './evaluate.js';
import { depthExceeded, type Evaluation, isTooDeep } from './evaluation.js';

const none: readonly never[] = Object.freeze([]);

/** Decides a gate, segment or holdout. */
export function decideGate(evaluation: Evaluation, name: string): GateDecision {
  const spec = specNamed(evaluation.program, 'gate', name);
  return readGate(evaluation, name, run(evaluation, 'gate', name, spec));
}

/** The answer about a gate, off the record. */
export function readGate(evaluation: Evaluation, name: string, reason: Reason): GateDecision {
  return {
    kind: 'gate',
    value: evaluation.bool,
    name,
    ruleID: (evaluation.ruleID ?? '') + evaluation.ruleSuffix,
    groupName: evaluation.groupName ?? null,
    idType: evaluation.idType ?? '',
    version: evaluation.version ?? null,
    reason,
    secondaryExposures: evaluation.exposures,
    overrideConfigName: evaluation.overrideConfigName ?? null,
    consultedExperiments: evaluation.consulted ?? none,
  };
}

/** Decides a config; as an experiment, bandits of that name answer first. */
export function decideConfig(evaluation: Evaluation, name: string, kind: 'config' | 'experiment'): ConfigDecision {
  const spec = specNamed(evaluation.program, kind, name);
  return readConfig(evaluation, kind, name, run(evaluation, kind, name, spec));
}

/** The answer about a config, off the record. */
export function readConfig(
  evaluation: Evaluation,
  kind: 'config' | 'experiment',
  name: string,
  reason: Reason,
): ConfigDecision {
  return { kind, ...readValue(evaluation, name, reason) };
}

/** Decides a layer. */
export function decideLayer(evaluation: Evaluation, name: string): LayerDecision {
  const spec = specNamed(evaluation.program, 'layer', name);
  return readLayer(evaluation, name, run(evaluation, 'layer', name, spec));
}

/** The answer about a layer, off the record. */
export function readLayer(evaluation: Evaluation, name: string, reason: Reason): LayerDecision {
  return {
    kind: 'layer',
    ...readValue(evaluation, name, reason),
    allocatedExperiment: evaluation.configDelegate ?? null,
    undelegatedSecondaryExposures: evaluation.undelegated ?? null,
    parameterRuleIDs: evaluation.parameterRuleIDs ?? null,
  };
}

/** Evaluates into the record; nesting that is too deep, also for the caller's stack, is an answer like any other. */
function run(evaluation: Evaluation, kind: AskedKind, name: string, spec: CompiledSpec | undefined): Reason {
  try {
    if (!evaluateSpec(evaluation, kind, name, spec)) return 'Unrecognized';
    if (evaluation.overrideReason !== undefined) return evaluation.overrideReason;
    return evaluation.isUnsupported ? 'Unsupported' : 'Recognized';
  } catch (error) {
    if (!isTooDeep(error)) throw error;
    // Experiments that were asked for have been exposed by then.
    const consulted = evaluation.consulted;
    evaluation.restart();
    evaluation.consulted = consulted;
    return `Error:${depthExceeded.message}`;
  }
}

function readValue(evaluation: Evaluation, name: string, reason: Reason): ValueDecision {
  const value = evaluation.value;
  return {
    name,
    ruleID: (evaluation.ruleID ?? '') + evaluation.ruleSuffix,
    groupName: evaluation.groupName ?? null,
    idType: evaluation.idType ?? '',
    version: evaluation.version ?? null,
    reason,
    secondaryExposures: evaluation.exposures,
    overrideConfigName: evaluation.overrideConfigName ?? null,
    consultedExperiments: evaluation.consulted ?? none,
    valueText: value.text,
    get value() {
      return value.object;
    },
    passed: evaluation.bool,
    isExperimentGroup: evaluation.isExperimentGroup,
    isExperimentActive: evaluation.isExperimentActive,
    isInLayer: evaluation.isInLayer,
    explicitParameters: evaluation.explicitParameters ?? null,
  };
}
