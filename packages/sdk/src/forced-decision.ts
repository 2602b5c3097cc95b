import { chooseOverride, type LocalOverrides, type User } from '@sluice/engine';
import { Decision, DecisionError, Kind, Reason } from '@sluice/proto';

/**
 * The answer that this process forces on a question, as an evaluator would have sent it; undefined when none is forced.
 * The group of an experiment can't be forced by its name: only the ruleset has its value.
 */
export function forcedDecision(
  overrides: LocalOverrides | undefined,
  kind: Kind,
  name: string,
  user: User,
): Decision | undefined {
  if (overrides === undefined) return undefined;
  switch (kind) {
    case Kind.GATE: {
      const forced = chooseOverride(overrides.gates?.get(name), user);
      return forced && decisionOf(kind, name, { gateValue: forced.value });
    }
    case Kind.CONFIG:
      return jsonDecision(kind, name, chooseOverride(overrides.configs?.get(name), user));
    case Kind.LAYER:
      return jsonDecision(kind, name, chooseOverride(overrides.layers?.get(name), user));
    case Kind.EXPERIMENT: {
      const forced = chooseOverride(overrides.experiments?.get(name), user);
      return forced && 'groupName' in forced ? unknownGroup(name, forced.groupName) : jsonDecision(kind, name, forced);
    }
    default:
      return undefined;
  }
}

function jsonDecision(kind: Kind, name: string, forced: { readonly value: unknown } | undefined): Decision | undefined {
  return forced && decisionOf(kind, name, { valueJson: JSON.stringify(forced.value) });
}

function decisionOf(kind: Kind, name: string, value: Partial<Decision>): Decision {
  const why = { ruleId: 'override', reason: Reason.TARGETING_MATCH, detail: 'LocalOverride:Recognized' };
  return Decision.fromPartial({ kind, name, ...why, ...value });
}

function unknownGroup(name: string, group: string): Decision {
  const detail = `Unsupported: only local evaluation knows the value of the group ${group}; force the value itself`;
  const why = { reason: Reason.ERROR, error: DecisionError.UNSUPPORTED, detail };
  return Decision.fromPartial({ kind: Kind.EXPERIMENT, name, valueJson: '{}', ...why });
}
