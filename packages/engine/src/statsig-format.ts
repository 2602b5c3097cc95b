/** Writes a ruleset as a version 2 config-spec document: the inverse of reading one. */
import type { Cmab, Condition, ConfigMapping, JsonText, ParamStore, Rule, Ruleset, Spec } from './ruleset.js';

/** A member of an object: key and JSON text; undefined leaves it out. */
type Member = readonly [key: string, text: JsonText | undefined];

/** The document, as compact JSON. Values keep the spelling that they were authored in. */
export function formatStatsigDocument(ruleset: Ruleset): string {
  return object([
    ['has_updates', 'true'],
    ['time', String(ruleset.time)],
    ['feature_gates', map(ruleset.gates, formatSpec)],
    ['dynamic_configs', map(ruleset.configs, formatSpec)],
    ['layer_configs', map(ruleset.layers, formatSpec)],
    ['condition_map', map(ruleset.conditions, formatCondition)],
    ['experiment_to_layer', map(ruleset.experimentToLayer, json)],
    ['param_stores', optionalMap(ruleset.paramStores, formatParamStore)],
    ['cmab_configs', optionalMap(ruleset.cmabs, formatCmab)],
    ['overrides', optionalMap(ruleset.overrides, (mappings) => list(mappings, formatMapping))],
    ['override_rules', optionalMap(ruleset.overrideRules, formatRule)],
    ['app_id', ruleset.appId],
    ['default_environment', json(ruleset.defaultEnvironment)],
    ...ruleset.settings,
  ]);
}

function json(value: unknown): JsonText | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}

function object(members: readonly Member[]): JsonText {
  const parts: string[] = [];
  for (const [key, text] of members) if (text !== undefined) parts.push(`${JSON.stringify(key)}:${text}`);
  return `{${parts.join(',')}}`;
}

function list<Value>(values: readonly Value[], format: (value: Value) => JsonText): JsonText {
  return `[${values.map(format).join(',')}]`;
}

function map<Value>(values: ReadonlyMap<string, Value>, format: (value: Value) => JsonText | undefined): JsonText {
  return object(Array.from(values, ([key, value]): Member => [key, format(value)]));
}

function optionalMap<Value>(
  values: ReadonlyMap<string, Value>,
  format: (value: Value) => JsonText,
): JsonText | undefined {
  return values.size === 0 ? undefined : map(values, format);
}

const gateEntities: ReadonlySet<string> = new Set(['feature_gate', 'segment', 'holdout']);

function formatSpec(spec: Spec): JsonText {
  return object([
    ['type', json(gateEntities.has(spec.entity) ? 'feature_gate' : 'dynamic_config')],
    ['entity', json(spec.entity)],
    ['salt', json(spec.salt)],
    ['enabled', json(spec.enabled)],
    ['defaultValue', spec.defaultValue],
    ['rules', list(spec.rules, formatRule)],
    ['idType', json(spec.idType)],
    ['version', json(spec.version)],
    ['isActive', json(spec.isActive)],
    ['hasSharedParams', json(spec.hasSharedParams)],
    ['explicitParameters', json(spec.explicitParameters)],
    ['targetAppIDs', json(spec.targetAppIDs)],
    ['forwardAllExposures', json(spec.forwardAllExposures)],
    ['useNewLayerEval', json(spec.useNewLayerEval)],
    ['fieldsUsed', json(spec.fieldsUsed)],
  ]);
}

function formatRule(rule: Rule): JsonText {
  return object([
    ['name', json(rule.name)],
    ['id', json(rule.id)],
    ['passPercentage', json(rule.passPercentage)],
    ['conditions', json(rule.conditions)],
    ['returnValue', rule.returnValue],
    ['idType', json(rule.idType)],
    ['salt', json(rule.salt)],
    ['groupName', json(rule.groupName)],
    ['isExperimentGroup', json(rule.isExperimentGroup)],
    ['configDelegate', json(rule.configDelegate)],
    ['samplingRate', json(rule.samplingRate)],
  ]);
}

function formatCondition(condition: Condition): JsonText {
  return object([
    ['type', json(condition.type)],
    ['idType', json(condition.idType)],
    ['targetValue', condition.targetValue],
    ['operator', json(condition.operator)],
    ['field', json(condition.field)],
    ['additionalValues', json(condition.additionalValues)],
  ]);
}

function formatParamStore(store: ParamStore): JsonText {
  const parameters = Object.entries(store.parameters);
  return object([
    ['parameters', object(parameters.map(([name, parameter]): Member => [name, parameter.body]))],
    ['targetAppIDs', json(store.targetAppIDs)],
    ['version', json(store.version)],
  ]);
}

function formatMapping(mapping: ConfigMapping): JsonText {
  const rules = mapping.rules.map((rule) => ({ rule_name: rule.ruleName, start_time: rule.startTimeMs }));
  return JSON.stringify({ new_config_name: mapping.newConfigName, rules });
}

function formatCmab(cmab: Cmab): JsonText {
  return object([
    ['salt', json(cmab.salt)],
    ['idType', json(cmab.idType)],
    ['enabled', json(cmab.enabled)],
    // Unlike elsewhere, the reference insists on one here.
    ['version', json(cmab.version ?? 0)],
    ['sampleRate', json(cmab.sampleRate)],
    ['higherIsBetter', json(cmab.higherIsBetter)],
    ['groups', list(cmab.groups, formatGroup)],
    ['config', json(cmab.config)],
    ['defaultValue', cmab.defaultValue],
    ['targetingGateName', json(cmab.targetingGateName)],
    ['targetAppIDs', json(cmab.targetAppIDs)],
  ]);
}

function formatGroup(group: Cmab['groups'][number]): JsonText {
  return object([
    ['id', json(group.id)],
    ['name', json(group.name)],
    ['parameterValues', group.parameterValues],
  ]);
}
