/** The response that client SDKs start from: every decision for one user, in three shapes. */
import { evaluateAll, kindOfEntity } from './api.js';
import { appIdFor, isForApp } from './app-filter.js';
import { djb2, sha256Base64 } from './bucket.js';
import type { Context } from './context.js';
import type { ConfigDecision, GateDecision, LayerDecision, SecondaryExposure } from './decision.js';
import { type ResponseTables, tablesFor } from './initialize-tables.js';
import { type JsonNode, JsonNumber, readJson } from './json-text.js';
import type { Program } from './program.js';
import type { ParamStore, Spec } from './ruleset.js';
import { sessionReplayOf } from './session-replay.js';
import type { JsonValue, User } from './user.js';
import { freezeNode } from './value.js';

/** 0: exposures in place; 1: exposures by id; 2: values by id as well, under short keys. */
export type InitializeFormat = 0 | 1 | 2;

export interface InitializeOptions {
  readonly format?: InitializeFormat;
  /** How names are hidden; djb2 when left out. */
  readonly hashAlgorithm?: 'none' | 'djb2' | 'sha256';
  /** Keeps only entities that the app of this client key may see. */
  readonly clientSdkKey?: string;
  readonly removeIdType?: boolean;
  /** Leaves out gates that are off by default. */
  readonly removeDefaultValueGates?: boolean;
  /** `sdkInfo` of the response. */
  readonly sdkInfo?: Readonly<Record<string, string>>;
}

export type JsonObject = { [key: string]: JsonValue };

type Hash = (name: string) => string;

const hashes: Readonly<Record<'none' | 'djb2' | 'sha256', Hash>> = { none: (name) => name, djb2, sha256: sha256Base64 };

/** Builds the response for one user. Nothing is exposed by it. */
export function initializeResponse(
  program: Program,
  user: User,
  context: Context,
  options: InitializeOptions = {},
): Readonly<Record<string, JsonValue>> {
  const algorithm = options.hashAlgorithm ?? 'djb2';
  const hash = hashes[algorithm];
  const appId = appIdFor(program.ruleset, options.clientSdkKey);
  const tables = tablesFor(options.format ?? 0);
  const decisions = evaluateAll(
    program,
    user,
    appId === undefined ? context : { ...context, appId: JSON.stringify(appId) },
  );
  const isShown = (spec: Spec): boolean => isForApp(spec, appId);
  const writer = new Writer(tables, hash, options);
  const { gates, configs, layers, paramStores } = program.ruleset;
  return {
    feature_gates: writer.section(gates, isShown, (spec) => writer.gate(spec, decisions.gates.get(spec.name))),
    dynamic_configs: writer.section(configs, isShown, (spec) => writer.config(spec, decisions.configs.get(spec.name))),
    layer_configs: writer.section(layers, isShown, (spec) => writer.layer(spec, decisions.layers.get(spec.name))),
    param_stores: writeParamStores(paramStores, (store) => isForApp(store, appId), hash),
    time: program.ruleset.time,
    has_updates: true,
    hash_used: algorithm,
    user: loggedUser(user, context),
    sdkInfo: { ...options.sdkInfo },
    sdkParams: {},
    evaluated_keys: evaluatedKeys(user),
    ...tables.extras(),
    ...sessionReplayOf(program, user, context),
  };
}

class Writer {
  readonly #tables: ResponseTables;
  readonly #hash: Hash;
  readonly #options: InitializeOptions;

  constructor(tables: ResponseTables, hash: Hash, options: InitializeOptions) {
    this.#tables = tables;
    this.#hash = hash;
    this.#options = options;
  }

  section(
    specs: ReadonlyMap<string, Spec>,
    isShown: (spec: Spec) => boolean,
    write: (spec: Spec) => JsonObject | undefined,
  ): JsonObject {
    const section: JsonObject = {};
    for (const [name, spec] of specs) {
      const entry = isShown(spec) ? write(spec) : undefined;
      if (entry !== undefined) section[this.#hash(name)] = this.#tables.finish(entry);
    }
    return section;
  }

  #common(name: string, decision: GateDecision | ConfigDecision | LayerDecision): JsonObject {
    return {
      name: this.#hash(name),
      rule_id: decision.ruleID,
      secondary_exposures: this.#exposures(decision.secondaryExposures),
      ...(this.#options.removeIdType === true ? {} : { id_type: decision.idType }),
    };
  }

  /** Each exposure once, under hidden names. */
  #exposures(exposures: readonly SecondaryExposure[] | null): JsonValue {
    const distinct = new Map<string, SecondaryExposure>();
    for (const { gate, gateValue, ruleID } of exposures ?? []) {
      const hidden = { gate: this.#hash(gate), gateValue, ruleID };
      distinct.set(`${hidden.gate}:${gateValue}:${ruleID}`, hidden);
    }
    return this.#tables.exposures(distinct);
  }

  gate(spec: Spec, decision: GateDecision | undefined): JsonObject | undefined {
    if (decision === undefined || spec.entity === 'segment' || spec.entity === 'holdout') return undefined;
    if (this.#options.removeDefaultValueGates === true && !decision.value && decision.ruleID === 'default')
      return undefined;
    return { ...this.#common(spec.name, decision), value: decision.value };
  }

  config(spec: Spec, decision: ConfigDecision | undefined): JsonObject | undefined {
    if (decision === undefined) return undefined;
    const entry: JsonObject = {
      ...this.#common(spec.name, decision),
      value: this.#tables.value(decision.value, decision.valueText),
      is_device_based: isDeviceBased(decision),
    };
    if (kindOfEntity(spec.entity) === 'config') return { ...entry, passed: decision.passed };
    if (decision.isInLayer) entry.is_in_layer = true;
    if (decision.explicitParameters !== null) entry.explicit_parameters = [...decision.explicitParameters];
    if (decision.groupName !== null) entry.group_name = decision.groupName;
    if (spec.entity === 'autotune') return entry;
    entry.is_experiment_active = decision.isExperimentActive;
    entry.is_user_in_experiment = decision.isExperimentGroup;
    return entry;
  }

  layer(spec: Spec, decision: LayerDecision | undefined): JsonObject | undefined {
    if (decision === undefined) return undefined;
    const entry: JsonObject = {
      ...this.#common(spec.name, decision),
      value: this.#tables.value(decision.value, decision.valueText),
      is_device_based: isDeviceBased(decision),
      explicit_parameters: [...(decision.explicitParameters ?? [])],
      undelegated_secondary_exposures: this.#exposures(decision.undelegatedSecondaryExposures),
    };
    if (decision.groupName !== null) entry.group_name = decision.groupName;
    if (decision.parameterRuleIDs !== null) entry.parameter_rule_ids = Object.fromEntries(decision.parameterRuleIDs);
    if (decision.allocatedExperiment === null) return entry;
    entry.allocated_experiment_name = this.#hash(decision.allocatedExperiment);
    entry.is_experiment_active = decision.isExperimentActive;
    entry.is_user_in_experiment = decision.isExperimentGroup;
    return entry;
  }
}

function isDeviceBased({ idType }: ConfigDecision | LayerDecision): boolean {
  return idType.toLowerCase() === 'stableid';
}

/** Fields of parameters that name another entity. */
const nameFields: ReadonlySet<string> = new Set(['gate_name', 'config_name', 'experiment_name', 'layer_name']);

function writeParamStores(
  stores: ReadonlyMap<string, ParamStore>,
  isShown: (store: ParamStore) => boolean,
  hash: Hash,
): JsonObject {
  const section: JsonObject = {};
  for (const [name, store] of stores) {
    if (!isShown(store)) continue;
    const parameters = Object.entries(store.parameters).map(([key, { body }]) => [key, writeParameter(body, hash)]);
    section[hash(name)] = Object.fromEntries(parameters);
  }
  return section;
}

function writeParameter(body: string, hash: Hash): JsonValue {
  const node: JsonNode = readJson(body);
  if (!(node instanceof Map)) return node instanceof JsonNumber ? Number(node.text) : freezeNode(node);
  const members = Array.from(node, ([key, member]) => [
    key,
    nameFields.has(key) && typeof member === 'string' ? hash(member) : freezeNode(member),
  ]);
  return Object.fromEntries(members);
}

/** The user as events show it: no private attributes. */
function loggedUser(user: User, context: Context): JsonObject {
  const { privateAttributes, statsigEnvironment, custom, ...shown } = user;
  const environment = statsigEnvironment ?? context.environment;
  const attributes = { ...context.globalCustomFields, ...custom };
  return JSON.parse(
    JSON.stringify({
      ...shown,
      custom: Object.keys(attributes).length > 0 ? attributes : undefined,
      statsigEnvironment: environment,
    }),
  );
}

function evaluatedKeys(user: User): JsonObject {
  const keys: JsonObject = {};
  if (user.userID !== undefined) keys.userID = user.userID;
  if (user.customIDs !== undefined) keys.customIDs = { ...user.customIDs };
  return keys;
}
