/** The config-spec document as plain data: what the generator makes and the shrinker takes apart. */

/** JSON, in which a number may be spelled in an unusual way. */
export type Json =
  | string
  | number
  | boolean
  | null
  | SpelledNumber
  | readonly Json[]
  | { readonly [key: string]: Json };

/** A number with its spelling, such as `1.0` or `1e2`. */
export interface SpelledNumber {
  readonly spelled: string;
}

export function spelled(text: string): SpelledNumber {
  return { spelled: text };
}

export interface RuleData {
  id: string;
  name: string;
  passPercentage: number;
  conditions: string[];
  returnValue: Json;
  idType: string;
  salt?: string | null;
  groupName?: string;
  isExperimentGroup?: boolean;
  configDelegate?: string;
  samplingRate?: number;
}

export interface SpecData {
  type: string;
  entity: string;
  salt: string;
  enabled: boolean;
  defaultValue: Json;
  rules: RuleData[];
  idType: string;
  version?: number;
  isActive?: boolean;
  hasSharedParams?: boolean;
  explicitParameters?: string[];
  useNewLayerEval?: boolean;
  forwardAllExposures?: boolean;
  targetAppIDs?: string[];
}

export interface ConditionData {
  type: string;
  operator?: string | null;
  targetValue?: Json;
  field?: string | null;
  additionalValues?: Record<string, string> | null;
  idType: string;
}

export interface MappingData {
  new_config_name: string;
  rules: { rule_name: string; start_time?: number }[];
}

export interface ParamStoreData {
  parameters: Record<string, Json>;
  targetAppIDs?: string[];
}

export interface DocumentData {
  has_updates: true;
  time: number;
  response_format: 'dcs-v2';
  experiment_to_layer: Record<string, string>;
  condition_map: Record<string, ConditionData>;
  feature_gates: Record<string, SpecData>;
  dynamic_configs: Record<string, SpecData>;
  layer_configs: Record<string, SpecData>;
  overrides?: Record<string, MappingData[]>;
  override_rules?: Record<string, RuleData>;
  param_stores?: Record<string, ParamStoreData>;
  cmab_configs?: Record<string, Json>;
  sdk_keys_to_app_ids?: Record<string, Json>;
  hashed_sdk_keys_to_app_ids?: Record<string, Json>;
  session_replay_info?: Json;
  sdk_configs?: Record<string, Json>;
  app_id?: Json;
  default_environment?: string;
}

/** JSON text, with numbers spelled as they say. */
export function writeDocument(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(writeDocument).join(',')}]`;
  if ('spelled' in value) return String(value.spelled);
  const members = Object.entries(value).filter(([, member]) => member !== undefined);
  return `{${members.map(([key, member]) => `${JSON.stringify(key)}:${writeDocument(member)}`).join(',')}}`;
}
