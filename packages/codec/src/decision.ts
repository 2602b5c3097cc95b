import type { Decision, LayerDecision, SecondaryExposure } from '@sluice/engine';
import {
  DecisionError,
  Kind,
  type ParameterRule,
  type ParameterSource,
  Reason,
  type Decision as WireDecision,
  type SecondaryExposure as WireExposure,
} from '@sluice/proto';

const kinds: Readonly<Record<Decision['kind'], Kind>> = {
  gate: Kind.GATE,
  config: Kind.CONFIG,
  experiment: Kind.EXPERIMENT,
  layer: Kind.LAYER,
};

const wireKinds = new Map(Object.entries(kinds).map(([kind, wire]) => [wire, kind as Decision['kind']]));

export function kindToWire(kind: Decision['kind']): Kind {
  return kinds[kind];
}

/** Undefined for a kind that is left open, or of a newer version. */
export function kindFromWire(kind: Kind): Decision['kind'] | undefined {
  return wireKinds.get(kind);
}

const noExposures: WireExposure[] = [];
const noParameters: string[] = [];
const noRules: ParameterRule[] = [];
const noSources: ParameterSource[] = [];

/** The wire form of a decision, with OpenFeature's reason for it. What it shares with others must not be written to. */
export function decisionToWire(decision: Decision, reason: Reason): WireDecision {
  const isGate = decision.kind === 'gate';
  const isLayer = decision.kind === 'layer';
  return {
    kind: kinds[decision.kind],
    name: decision.name,
    gateValue: isGate && decision.value,
    valueJson: isGate ? '' : decision.valueText,
    ruleId: decision.ruleID,
    groupName: decision.groupName ?? '',
    idType: decision.idType,
    reason,
    error: reason === Reason.ERROR ? errorOf(decision) : DecisionError.UNSPECIFIED,
    detail: decision.reason,
    version: decision.version ?? undefined,
    allocatedExperiment: isLayer ? (decision.allocatedExperiment ?? '') : '',
    secondaryExposures: exposuresToWire(decision.secondaryExposures),
    undelegatedSecondaryExposures: isLayer ? exposuresToWire(decision.undelegatedSecondaryExposures) : noExposures,
    isExperimentGroup: !isGate && decision.isExperimentGroup,
    explicitParameters:
      isGate || decision.explicitParameters === null ? noParameters : [...decision.explicitParameters],
    parameterRules: isLayer ? rulesToWire(decision) : noRules,
    parameterSources: noSources,
  };
}

function rulesToWire({ parameterRuleIDs }: LayerDecision): ParameterRule[] {
  if (parameterRuleIDs === null) return noRules;
  return Array.from(parameterRuleIDs, ([parameter, ruleId]) => ({ parameter, ruleId }));
}

function errorOf({ reason }: Decision): DecisionError {
  if (reason === 'Unrecognized') return DecisionError.FLAG_NOT_FOUND;
  return reason === 'Unsupported' ? DecisionError.UNSUPPORTED : DecisionError.UNSPECIFIED;
}

function exposuresToWire(exposures: readonly SecondaryExposure[] | null): WireExposure[] {
  if (exposures === null || exposures.length === 0) return noExposures;
  return exposures.map(({ gate, gateValue, ruleID }) => ({ gate, gateValue, ruleId: ruleID }));
}
