import { decideConfig } from './decide.js';
import type { ConfigDecision } from './decision.js';
import { Evaluation } from './evaluation.js';

/**
 * The user's group in an experiment, decided by a call of its own, once per top-level call.
 * An experiment that asks for its own group gets none; the reference would not return.
 */
export function groupOf(evaluation: Evaluation, experiment: string): string | undefined {
  evaluation.groups ??= new Map();
  const groups = evaluation.groups;
  if (groups.has(experiment)) return groups.get(experiment);
  groups.set(experiment, undefined);
  const nested = new Evaluation(evaluation.program, evaluation.user, evaluation.context, evaluation.levels);
  nested.groups = groups;
  nested.recorder = evaluation.recorder;
  const depth = evaluation.recorder?.depth ?? 0;
  const decision = decideConfig(nested, experiment, 'experiment');
  evaluation.recorder?.unwind(depth);
  groups.set(experiment, decision.groupName ?? undefined);
  evaluation.consulted ??= [];
  evaluation.consulted.push(...decision.consultedExperiments, asConsulted(decision));
  return decision.groupName ?? undefined;
}

/** Asked for by a condition, an experiment that fails counts as one that no rule has decided. */
function asConsulted(decision: ConfigDecision): ConfigDecision {
  return decision.reason.startsWith('Error:') ? { ...decision, ruleID: 'default' } : decision;
}
