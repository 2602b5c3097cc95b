import type { JsonText } from './ruleset.js';
import type { JsonValue } from './user.js';

/** A gate that was consulted on the way, children before their parent. */
export interface SecondaryExposure {
  readonly gate: string;
  readonly gateValue: 'true' | 'false';
  readonly ruleID: string;
}

/**
 * Why the answer is what it is. The first three are to be prefixed with the source of the ruleset
 * (`Network:Recognized`, see `referenceReason`); the others stand alone.
 */
export type Reason =
  | 'Recognized'
  | 'Unrecognized'
  | 'Unsupported'
  | 'LocalOverride:Recognized'
  | 'CountryLookupNotLoaded:Recognized'
  | 'Persisted'
  | `Error:${string}`;

/** What every decision says. Absent is null. */
export interface DecisionBase {
  /** The name that was asked for. */
  readonly name: string;
  /** `default` or `disabled` where no rule matched; empty where nothing was decided. */
  readonly ruleID: string;
  readonly groupName: string | null;
  /** The id type reported with answers; empty when unknown. */
  readonly idType: string;
  readonly version: number | null;
  readonly reason: Reason;
  readonly secondaryExposures: readonly SecondaryExposure[];
  /** The config that a mapping redirected to. */
  readonly overrideConfigName: string | null;
  /** Experiments that `experiment_group` conditions asked for; each is an exposure of its own. */
  readonly consultedExperiments: readonly ConfigDecision[];
}

export interface GateDecision extends DecisionBase {
  readonly kind: 'gate';
  readonly value: boolean;
}

/** What configs, experiments and layers say beyond the base. */
export interface ValueDecision extends DecisionBase {
  /** Compact JSON text of the value, spelled as authored. */
  readonly valueText: JsonText;
  /** The value, frozen all the way down and shared between calls. */
  readonly value: Readonly<Record<string, JsonValue>>;
  /** `rulePassed` of the exposure. */
  readonly passed: boolean;
  readonly isExperimentGroup: boolean;
  readonly isExperimentActive: boolean;
  readonly isInLayer: boolean;
  readonly explicitParameters: readonly string[] | null;
}

export interface ConfigDecision extends ValueDecision {
  readonly kind: 'config' | 'experiment';
}

export interface LayerDecision extends ValueDecision {
  readonly kind: 'layer';
  /** The experiment that decided. */
  readonly allocatedExperiment: string | null;
  /** Gates consulted before an experiment took over. */
  readonly undelegatedSecondaryExposures: readonly SecondaryExposure[] | null;
  /** Newer layers: the rule that gave each parameter its value. */
  readonly parameterRuleIDs: ReadonlyMap<string, string> | null;
}

export type Decision = GateDecision | ConfigDecision | LayerDecision;

/** The reference implementation's reason text: `Network:Recognized`, `LocalOverride:Recognized`, … */
export function referenceReason(reason: Reason, source: string): string {
  return reason === 'Recognized' || reason === 'Unrecognized' || reason === 'Unsupported'
    ? `${source}:${reason}`
    : reason;
}
