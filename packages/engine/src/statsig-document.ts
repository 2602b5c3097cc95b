/**
 * Reads the public config-spec document, version 2, as strictly and as leniently as the reference: a
 * malformed spec is dropped, anything else that is malformed fails the document, unknown keys are ignored.
 */
import { type JsonNode, JsonSyntaxError, readFirstJson, writeJson } from './json-text.js';
import type { Problem } from './problem.js';
import type { Condition, Rule, Ruleset, Spec } from './ruleset.js';
import { readCmab, readMappings, readParamStore } from './statsig-extras.js';
import { compact, FieldError, Fields, readText } from './statsig-fields.js';
import { checkSetting, keptApart } from './statsig-settings.js';

/** A document that the reference would refuse as a whole. */
export class StatsigDocumentError extends Error {
  override readonly name = 'StatsigDocumentError';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ path, message }) => (path === '' ? message : `${path} ${message}`)).join('; '));
    this.problems = problems;
  }
}

/** What a document holds, and what had to be dropped from it. */
export interface ParsedDocument {
  readonly ruleset: Ruleset;
  readonly problems: readonly Problem[];
}

/** Parses a version 2 document. Throws `StatsigDocumentError` when the reference would not load it either. */
export function parseStatsigDocument(text: string): ParsedDocument {
  const reading = new Reading(rootOf(text));
  const ruleset = reading.readRuleset();
  if (ruleset === undefined) throw new StatsigDocumentError(reading.failures);
  return { ruleset, problems: reading.dropped };
}

function rootOf(text: string): Fields {
  try {
    return new Fields(readFirstJson(text), '');
  } catch (error) {
    if (!(error instanceof JsonSyntaxError || error instanceof FieldError)) throw error;
    const path = error instanceof FieldError ? error.path : '';
    const message = path === '' && error instanceof FieldError ? 'the document must be an object' : error.message;
    throw new StatsigDocumentError([{ path, message, severity: 'error' }]);
  }
}

/** Version 1 has lists of specs, with conditions inside their rules. */
function isVersion1({ members }: Fields): boolean {
  const sections = ['feature_gates', 'dynamic_configs', 'layer_configs'].map((key) => members.get(key));
  return !members.has('condition_map') && sections.every(Array.isArray);
}

/** One pass over a document: collects every failure, so that an author sees them all at once. */
class Reading {
  readonly failures: Problem[] = [];
  readonly dropped: Problem[] = [];
  readonly #root: Fields;

  constructor(root: Fields) {
    this.#root = root;
  }

  /** The ruleset, or undefined when there were failures. */
  readRuleset(): Ruleset | undefined {
    const root = this.#root;
    if (this.#try(() => root.bool('has_updates')) === false) {
      this.#fail('has_updates', 'is false: this document says that nothing has changed, and holds nothing');
      return undefined;
    }
    if (isVersion1(root)) {
      this.#fail('feature_gates', 'is a list: this is a version 1 document; fetch /v2/download_config_specs instead');
      return undefined;
    }
    const time = this.#try(() => root.unsigned('time', 64));
    const ruleset: Ruleset = {
      time: time ?? 0,
      gates: this.#readSpecs('feature_gates'),
      configs: this.#readSpecs('dynamic_configs'),
      layers: this.#readSpecs('layer_configs'),
      conditions: this.#readMap('condition_map', readCondition, true),
      paramStores: this.#readMap('param_stores', readParamStore),
      cmabs: this.#readMap('cmab_configs', readCmab),
      overrides: this.#readMap('overrides', readMappings),
      overrideRules: this.#readMap('override_rules', readRule),
      idLists: new Map(),
      experimentToLayer: this.#readMap('experiment_to_layer', readText, true),
      settings: this.#readSettings(),
      ...this.#readScalars(),
    };
    return this.failures.length > 0 ? undefined : ruleset;
  }

  #readScalars(): Pick<Ruleset, 'appId' | 'defaultEnvironment'> {
    return compact<Pick<Ruleset, 'appId' | 'defaultEnvironment'>>({
      appId: this.#try(() => this.#root.optionalReadable('app_id')),
      defaultEnvironment: this.#try(() => this.#root.optionalText('default_environment')),
    });
  }

  #readSpecs(section: string): Map<string, Spec> {
    const specs = new Map<string, Spec>();
    const fields = this.#try(() => this.#root.object(section));
    for (const [name, node, path] of fields?.entries() ?? []) {
      try {
        specs.set(name, readSpec(name, node, path));
      } catch (error) {
        if (!(error instanceof FieldError)) throw error;
        this.dropped.push({ path: error.path, message: `${error.message}; the spec is dropped`, severity: 'warning' });
      }
    }
    return specs;
  }

  #readMap<Value>(
    section: string,
    read: (node: JsonNode, path: string) => Value,
    isRequired = false,
  ): Map<string, Value> {
    const values = new Map<string, Value>();
    const root = this.#root;
    const fields = this.#try(() => (isRequired ? root.object(section) : root.optionalObject(section)));
    for (const [name, node, path] of fields?.entries() ?? []) {
      const value = this.#try(() => read(node, path));
      if (value !== undefined) values.set(name, value);
    }
    return values;
  }

  #readSettings(): Map<string, string> {
    const settings = new Map<string, string>();
    for (const [key, node] of this.#root.entries()) {
      if (keptApart.has(key)) continue;
      this.#try(() => checkSetting(this.#root, key));
      settings.set(key, writeJson(node));
    }
    return settings;
  }

  #try<Value>(read: () => Value): Value | undefined {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof FieldError)) throw error;
      this.#fail(error.path, error.message);
      return undefined;
    }
  }

  #fail(path: string, message: string): void {
    this.failures.push({ path, message, severity: 'error' });
  }
}

function readSpec(name: string, node: JsonNode, path: string): Spec {
  const fields = new Fields(node, path);
  fields.text('type');
  fields.optionalText('checksum');
  return compact<Spec>({
    name,
    entity: fields.text('entity'),
    salt: fields.text('salt'),
    enabled: fields.bool('enabled'),
    defaultValue: fields.json('defaultValue'),
    rules: fields.list('rules', readRule),
    idType: fields.text('idType'),
    version: fields.optionalUnsigned('version', 32),
    isActive: fields.optionalBool('isActive'),
    hasSharedParams: fields.optionalBool('hasSharedParams'),
    explicitParameters: fields.optionalTexts('explicitParameters'),
    targetAppIDs: fields.optionalTexts('targetAppIDs'),
    forwardAllExposures: fields.optionalBool('forwardAllExposures'),
    useNewLayerEval: fields.optionalBool('useNewLayerEval'),
    fieldsUsed: fields.optionalTexts('fieldsUsed'),
  });
}

function readRule(node: JsonNode, path: string): Rule {
  const fields = new Fields(node, path);
  return compact<Rule>({
    id: fields.text('id'),
    name: fields.text('name'),
    passPercentage: fields.number('passPercentage'),
    conditions: fields.texts('conditions'),
    returnValue: fields.json('returnValue'),
    idType: fields.text('idType'),
    salt: fields.optionalText('salt'),
    groupName: fields.optionalText('groupName'),
    isExperimentGroup: fields.optionalBool('isExperimentGroup'),
    configDelegate: fields.optionalText('configDelegate'),
    samplingRate: fields.optionalUnsigned('samplingRate', 64),
  });
}

function readCondition(node: JsonNode, path: string): Condition {
  const fields = new Fields(node, path);
  fields.optionalText('checksum');
  const additional = fields.optionalObject('additionalValues');
  const additionalValues: Record<string, string> = {};
  for (const [key, value, valuePath] of additional?.entries() ?? []) {
    const text = readText(value, valuePath);
    Object.defineProperty(additionalValues, key, { value: text, enumerable: true, configurable: true, writable: true });
  }
  return compact<Condition>({
    type: fields.text('type'),
    idType: fields.text('idType'),
    targetValue: fields.optionalJson('targetValue'),
    operator: fields.optionalText('operator'),
    field: fields.optionalText('field'),
    additionalValues: additional === undefined ? undefined : additionalValues,
  });
}
