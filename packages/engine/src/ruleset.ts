/**
 * The engine's nouns. A ruleset is everything needed to decide for one set (project and
 * environment). It mirrors the public config-spec document entity by entity, so that an
 * import followed by an export loses nothing.
 *
 * Values are kept as JSON *text*: `1.0` and `1` bucket and compare differently in list
 * targets, and integers beyond 2^53 must survive. `compile` is the one place that parses.
 */

/** Compact JSON text, spelled as it was authored, such as `{"price":1.0}`. */
export type JsonText = string;

export type EntityKind = 'gate' | 'segment' | 'holdout' | 'config' | 'experiment' | 'autotune' | 'layer';

/** One gate, segment, holdout, config, experiment, autotune or layer. */
export interface Spec {
  readonly name: string;
  readonly entity: string;
  readonly salt: string;
  /** Off changes only the rule id of the fall-through answer: rules still run. */
  readonly enabled: boolean;
  readonly defaultValue: JsonText;
  readonly rules: readonly Rule[];
  readonly idType: string;
  readonly version?: number;
  readonly isActive?: boolean;
  readonly hasSharedParams?: boolean;
  readonly explicitParameters?: readonly string[];
  readonly targetAppIDs?: readonly string[];
  readonly forwardAllExposures?: boolean;
  readonly useNewLayerEval?: boolean;
  readonly fieldsUsed?: readonly string[];
}

/** One row of a spec: when all conditions hold and the unit is inside the percentage, `returnValue`. */
export interface Rule {
  readonly id: string;
  readonly name: string;
  /** 0 to 100, fractions allowed. */
  readonly passPercentage: number;
  /** Ids into `Ruleset.conditions`; none means that the rule matches. */
  readonly conditions: readonly string[];
  readonly returnValue: JsonText;
  readonly idType: string;
  /** Absent: the rule id salts the percentage. Empty is used as empty. */
  readonly salt?: string;
  readonly groupName?: string;
  readonly isExperimentGroup?: boolean;
  readonly configDelegate?: string;
  readonly samplingRate?: number;
}

/** A test on the user, the request or another entity; shared by rules through its id. */
export interface Condition {
  readonly type: string;
  readonly idType: string;
  readonly targetValue?: JsonText;
  readonly operator?: string;
  readonly field?: string;
  readonly additionalValues?: Readonly<Record<string, string>>;
}

/** Redirects a config to another one while one of the rules passes. */
export interface ConfigMapping {
  readonly newConfigName: string;
  readonly rules: readonly { readonly ruleName: string; readonly startTimeMs?: number }[];
}

/** Where a parameter of a parameter store takes its value from. */
export interface Parameter {
  readonly refType: string;
  readonly paramType: string;
  /** The whole parameter as authored, for the fields that `refType` calls for. */
  readonly body: JsonText;
}

export interface ParamStore {
  readonly parameters: Readonly<Record<string, Parameter>>;
  readonly targetAppIDs?: readonly string[];
  readonly version?: number;
}

/** A contextual bandit (autotune). */
export interface Cmab {
  readonly salt: string;
  readonly idType: string;
  readonly enabled: boolean;
  readonly version?: number;
  /** 0 to 1. */
  readonly sampleRate: number;
  readonly higherIsBetter: boolean;
  readonly groups: readonly { readonly id: string; readonly name: string; readonly parameterValues: JsonText }[];
  readonly config?: Readonly<Record<string, CmabWeights>>;
  readonly defaultValue: JsonText;
  readonly targetingGateName?: string;
  readonly targetAppIDs?: readonly string[];
}

export interface CmabWeights {
  readonly alpha: number;
  readonly intercept: number;
  readonly records: number;
  readonly weightsNumerical: Readonly<Record<string, number>>;
  readonly weightsCategorical: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/**
 * Membership in an id list. Keys are the first 8 characters of standard Base64 of
 * SHA-256 of the unit id; a `Set<string>` fits, so do denser structures.
 */
export interface IdList {
  has(key: string): boolean;
}

/** All entities of one set at one revision. Maps keep authored order. */
export interface Ruleset {
  /** Time of the last change in the source document, Unix ms. */
  readonly time: number;
  readonly gates: ReadonlyMap<string, Spec>;
  readonly configs: ReadonlyMap<string, Spec>;
  readonly layers: ReadonlyMap<string, Spec>;
  readonly conditions: ReadonlyMap<string, Condition>;
  readonly paramStores: ReadonlyMap<string, ParamStore>;
  readonly cmabs: ReadonlyMap<string, Cmab>;
  readonly overrides: ReadonlyMap<string, readonly ConfigMapping[]>;
  readonly overrideRules: ReadonlyMap<string, Rule>;
  readonly idLists: ReadonlyMap<string, IdList>;
  /** Experiment name → layer name; informational. */
  readonly experimentToLayer: ReadonlyMap<string, string>;
  /** `app_id`: the value of `target_app` conditions. */
  readonly appId?: JsonText;
  readonly defaultEnvironment?: string;
  /** Remaining top-level keys of the source document by name, passed through untouched. */
  readonly settings: ReadonlyMap<string, JsonText>;
}
