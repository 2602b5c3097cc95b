/** The rarer sections of a config-spec document: parameter stores, bandits, config mappings. */
import { type JsonNode, writeJson } from './json-text.js';
import { parameterKindOf } from './parameter-kind.js';
import type { Cmab, CmabWeights, ConfigMapping, Parameter, ParamStore } from './ruleset.js';
import { checkReadable, compact, FieldError, Fields, listReader, readNumber } from './statsig-fields.js';

export function readParamStore(node: JsonNode, path: string): ParamStore {
  const fields = new Fields(node, path);
  fields.optionalText('checksum');
  const parameters: [string, Parameter][] = [];
  for (const [name, parameter, parameterPath] of fields.object('parameters').entries()) {
    const body = new Fields(parameter, parameterPath);
    // The reference tries one kind after the other, and reads all that is there for that.
    checkReadable(parameter, parameterPath);
    const refType = body.text('ref_type');
    if (parameterKindOf(body.members) === undefined) {
      throw new FieldError(parameterPath, 'has the fields of no kind of parameter');
    }
    parameters.push([name, { refType, paramType: body.text('param_type'), body: writeJson(parameter) }]);
  }
  return compact<ParamStore>({
    parameters: Object.fromEntries(parameters),
    targetAppIDs: fields.optionalTexts('targetAppIDs'),
    version: fields.optionalUnsigned('version', 32),
  });
}

export const readMappings = listReader((node, path): ConfigMapping => {
  const fields = new Fields(node, path);
  return {
    newConfigName: fields.text('new_config_name'),
    rules: fields.list('rules', (rule, rulePath) => {
      const ruleFields = new Fields(rule, rulePath);
      return compact<ConfigMapping['rules'][number]>({
        ruleName: ruleFields.text('rule_name'),
        startTimeMs: ruleFields.optionalInteger('start_time'),
      });
    }),
  };
});

export function readCmab(node: JsonNode, path: string): Cmab {
  const fields = new Fields(node, path);
  return compact<Cmab>({
    salt: fields.text('salt'),
    idType: fields.text('idType'),
    enabled: fields.bool('enabled'),
    version: fields.unsigned('version', 32),
    sampleRate: fields.number('sampleRate'),
    higherIsBetter: fields.bool('higherIsBetter'),
    groups: fields.list('groups', readGroup),
    config: readWeightsByGroup(fields.optionalObject('config')),
    defaultValue: fields.json('defaultValue'),
    targetingGateName: fields.optionalText('targetingGateName'),
    targetAppIDs: fields.optionalTexts('targetAppIDs'),
  });
}

function readGroup(node: JsonNode, path: string): Cmab['groups'][number] {
  const fields = new Fields(node, path);
  return { id: fields.text('id'), name: fields.text('name'), parameterValues: fields.json('parameterValues') };
}

function readWeightsByGroup(fields: Fields | undefined): Record<string, CmabWeights> | undefined {
  return fields && readRecord(fields, readWeights);
}

function readWeights(node: JsonNode, path: string): CmabWeights {
  const fields = new Fields(node, path);
  return {
    alpha: fields.number('alpha'),
    intercept: fields.number('intercept'),
    records: fields.unsigned('records', 64),
    weightsNumerical: readRecord(fields.object('weightsNumerical'), readNumber),
    weightsCategorical: readRecord(fields.object('weightsCategorical'), (member, memberPath) =>
      readRecord(new Fields(member, memberPath), readNumber),
    ),
  };
}

/** An object as a record; `Object.fromEntries` defines keys, so that `__proto__` is just one of them. */
function readRecord<Value>(fields: Fields, read: (node: JsonNode, path: string) => Value): Record<string, Value> {
  const entries: [string, Value][] = [];
  for (const [key, node, path] of fields.entries()) entries.push([key, read(node, path)]);
  return Object.fromEntries(entries);
}
