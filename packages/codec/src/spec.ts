import type { Condition, ConfigMapping, Parameter, ParamStore, Rule, Spec } from '@sluice/engine';
import type {
  ConfigMappings,
  StringList,
  Condition as WireCondition,
  ParamStore as WireParamStore,
  Rule as WireRule,
  Spec as WireSpec,
} from '@sluice/proto';

/** Leaves out what is undefined, so that absent stays absent on either side. */
function compact<T extends object>(fields: { readonly [Name in keyof T]: T[Name] | undefined }): T {
  const result: Record<string, unknown> = {};
  for (const name in fields) {
    const value = fields[name];
    if (value !== undefined) result[name] = value;
  }
  return result as T;
}

const listOf = (values: readonly string[] | undefined): StringList | undefined => values && { values: [...values] };

export function specFromWire(name: string, spec: WireSpec): Spec {
  return compact<Spec>({
    name,
    entity: spec.entity,
    salt: spec.salt,
    enabled: spec.enabled,
    defaultValue: spec.defaultValueJson,
    rules: spec.rules.map(ruleFromWire),
    idType: spec.idType,
    version: spec.version,
    isActive: spec.isActive,
    hasSharedParams: spec.hasSharedParams,
    explicitParameters: spec.explicitParameters?.values,
    targetAppIDs: spec.targetAppIds?.values,
    forwardAllExposures: spec.forwardAllExposures,
    useNewLayerEval: spec.useNewLayerEval,
    fieldsUsed: spec.fieldsUsed?.values,
  });
}

export function specToWire(spec: Spec): WireSpec {
  return {
    entity: spec.entity,
    salt: spec.salt,
    enabled: spec.enabled,
    defaultValueJson: spec.defaultValue,
    rules: spec.rules.map(ruleToWire),
    idType: spec.idType,
    version: spec.version,
    isActive: spec.isActive,
    hasSharedParams: spec.hasSharedParams,
    explicitParameters: listOf(spec.explicitParameters),
    targetAppIds: listOf(spec.targetAppIDs),
    forwardAllExposures: spec.forwardAllExposures,
    useNewLayerEval: spec.useNewLayerEval,
    fieldsUsed: listOf(spec.fieldsUsed),
  };
}

export function ruleFromWire(rule: WireRule): Rule {
  return compact<Rule>({
    id: rule.id,
    name: rule.name,
    passPercentage: rule.passPercentage,
    conditions: rule.conditionIds,
    returnValue: rule.returnValueJson,
    idType: rule.idType,
    salt: rule.salt,
    groupName: rule.groupName,
    isExperimentGroup: rule.isExperimentGroup,
    configDelegate: rule.configDelegate,
    samplingRate: rule.samplingRate,
  });
}

/** What the wire holds; one in so many is next to none. */
const samplingRateMax = 2 ** 32 - 1;

export function ruleToWire(rule: Rule): WireRule {
  return {
    id: rule.id,
    name: rule.name,
    passPercentage: rule.passPercentage,
    conditionIds: [...rule.conditions],
    returnValueJson: rule.returnValue,
    idType: rule.idType,
    salt: rule.salt,
    groupName: rule.groupName,
    isExperimentGroup: rule.isExperimentGroup,
    configDelegate: rule.configDelegate,
    samplingRate: rule.samplingRate === undefined ? undefined : Math.min(rule.samplingRate, samplingRateMax),
  };
}

/** No additional values and an empty object of them are the same on the wire, and to every evaluator. */
export function conditionFromWire(condition: WireCondition): Condition {
  const hasExtras = Object.keys(condition.additionalValues).length > 0;
  return compact<Condition>({
    type: condition.type,
    idType: condition.idType,
    targetValue: condition.targetValueJson,
    operator: condition.operator,
    field: condition.field,
    additionalValues: hasExtras ? condition.additionalValues : undefined,
  });
}

export function conditionToWire(condition: Condition): WireCondition {
  return {
    type: condition.type,
    idType: condition.idType,
    targetValueJson: condition.targetValue,
    operator: condition.operator,
    field: condition.field,
    additionalValues: { ...condition.additionalValues },
  };
}

export function mappingsFromWire({ mappings }: ConfigMappings): readonly ConfigMapping[] {
  return mappings.map(({ newConfigName, rules }) => ({
    newConfigName,
    rules: rules.map(({ ruleName, startTimeMs }) => compact({ ruleName, startTimeMs })),
  }));
}

export function mappingsToWire(mappings: readonly ConfigMapping[]): ConfigMappings {
  return {
    mappings: mappings.map(({ newConfigName, rules }) => ({
      newConfigName,
      rules: rules.map(({ ruleName, startTimeMs }) => ({ ruleName, startTimeMs })),
    })),
  };
}

export function paramStoreFromWire(store: WireParamStore): ParamStore {
  const parameters: Record<string, Parameter> = {};
  for (const [name, { refType, paramType, bodyJson }] of Object.entries(store.parameters)) {
    parameters[name] = { refType, paramType, body: bodyJson };
  }
  return compact<ParamStore>({ parameters, targetAppIDs: store.targetAppIds?.values, version: store.version });
}

export function paramStoreToWire(store: ParamStore): WireParamStore {
  const parameters: WireParamStore['parameters'] = {};
  for (const [name, { refType, paramType, body }] of Object.entries(store.parameters)) {
    parameters[name] = { refType, paramType, bodyJson: body };
  }
  return { parameters, targetAppIds: listOf(store.targetAppIDs), version: store.version };
}
