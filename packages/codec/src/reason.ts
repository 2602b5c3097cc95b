import type { Decision, Rule, Ruleset, Spec } from '@sluice/engine';
import { Reason } from '@sluice/proto';

/** What a rule says about its answers never changes inside one ruleset: worked out once. */
const remembered = new WeakMap<Ruleset, Map<Spec, Map<string, Reason>>>();

/** OpenFeature's word for why a decision is what it is. The engine's reason says more, in `detail`. */
export function openFeatureReason(decision: Decision, ruleset: Ruleset): Reason {
  const { reason, ruleID } = decision;
  if (reason === 'Unrecognized' || reason === 'Unsupported' || reason.startsWith('Error')) return Reason.ERROR;
  if (reason === 'LocalOverride:Recognized') return Reason.TARGETING_MATCH;
  if (reason === 'Persisted') return Reason.SPLIT;
  if (ruleID === 'disabled') return Reason.DISABLED;
  if (ruleID === 'default' || ruleID === '') return Reason.DEFAULT;
  if (decision.kind !== 'gate' && decision.isExperimentGroup) return Reason.SPLIT;
  const spec = decidingSpec(decision, ruleset);
  return spec ? ruleReason(spec, ruleID, ruleset) : Reason.TARGETING_MATCH;
}

/** The spec whose rule decided: behind a layer an experiment, behind a mapping its target. */
function decidingSpec(decision: Decision, ruleset: Ruleset): Spec | undefined {
  const name = decision.overrideConfigName ?? decision.name;
  switch (decision.kind) {
    case 'gate':
      return ruleset.gates.get(name);
    case 'layer':
      return decision.allocatedExperiment === null
        ? ruleset.layers.get(name)
        : (ruleset.configs.get(decision.allocatedExperiment) ?? ruleset.layers.get(name));
    default:
      return ruleset.configs.get(name);
  }
}

function ruleReason(spec: Spec, ruleID: string, ruleset: Ruleset): Reason {
  const byRule = reasonsOf(spec, ruleset);
  const known = byRule.get(ruleID);
  if (known !== undefined) return known;
  const rule = spec.rules.find(({ id }) => id === ruleID);
  const reason = rule ? reasonOfRule(rule, ruleset) : Reason.TARGETING_MATCH;
  // Rule ids come from the ruleset, so the number of entries is bounded by it.
  byRule.set(ruleID, reason);
  return reason;
}

function reasonsOf(spec: Spec, ruleset: Ruleset): Map<string, Reason> {
  const bySpec = remembered.get(ruleset) ?? new Map<Spec, Map<string, Reason>>();
  const byRule = bySpec.get(spec) ?? new Map<string, Reason>();
  if (byRule.size === 0) remembered.set(ruleset, bySpec.set(spec, byRule));
  return byRule;
}

function reasonOfRule(rule: Rule, ruleset: Ruleset): Reason {
  if (rule.isExperimentGroup || (rule.passPercentage > 0 && rule.passPercentage < 100)) return Reason.SPLIT;
  const isForAll = rule.conditions.every((id) => ruleset.conditions.get(id)?.type === 'public');
  return isForAll ? Reason.STATIC : Reason.TARGETING_MATCH;
}
