/** The response that client SDKs start from: every decision for one user, in three shapes. */
import type { Context } from '../context.js';
import { decideConfig, decideGate, decideLayer } from '../decide.js';
import type { ConfigDecision, Decision, GateDecision, LayerDecision } from '../decision.js';
import { Evaluation } from '../evaluation.js';
import type { Program } from '../program.js';
import type { Spec } from '../ruleset.js';
import type { JsonValue, User } from '../user.js';
import { type ClientApp, clientAppOf, contextFor, isShownTo } from './app-filter.js';
import { checksumOf } from './checksum.js';
import { EntryWriter } from './entries.js';
import { type Hash, type HashAlgorithm, hashOf } from './hash.js';
import { writeParamStores } from './param-stores.js';
import { sessionReplayOf } from './session-replay.js';
import { type InitializeFormat, type JsonObject, type ResponseTables, tablesFor } from './tables.js';
import { evaluatedKeys, loggedUser, privateAttributesHash } from './user.js';

export interface InitializeOptions {
  readonly format?: InitializeFormat;
  /** How names are hidden; djb2 when left out. */
  readonly hashAlgorithm?: HashAlgorithm;
  /** Keeps only entities that the app of this client key may see. */
  readonly clientSdkKey?: string;
  /** Lets answers that the context forces show up; they do not otherwise. */
  readonly includeLocalOverrides?: boolean;
  readonly removeIdType?: boolean;
  /** Leaves out gates that are off by default without having asked another gate. */
  readonly removeDefaultValueGates?: boolean;
  /** Names of the entities to keep, by kind; a kind that is left out is kept whole. */
  readonly keep?: InitializeNames;
  /**
   * Format 0 only: the `full_checksum` of an earlier response, or any text to be told one. The answer is
   * empty, and says so in `has_updates`, when nothing but the user has changed since.
   */
  readonly previousResponseHash?: string;
  /** `sdkInfo` of the response. */
  readonly sdkInfo?: Readonly<Record<string, string>>;
}

/** Bandits count as experiments. */
export interface InitializeNames {
  readonly gates?: ReadonlySet<string>;
  readonly configs?: ReadonlySet<string>;
  readonly experiments?: ReadonlySet<string>;
  readonly layers?: ReadonlySet<string>;
  readonly paramStores?: ReadonlySet<string>;
}

/** Builds the response for one user. Nothing is exposed by it. Never throws: where nesting is too deep, it is empty. */
export function initializeResponse(
  program: Program,
  user: User,
  context: Context,
  options: InitializeOptions = {},
): Readonly<Record<string, JsonValue>> {
  return new Response(program, user, context, options).write();
}

const kindsByEntity: ReadonlyMap<string, keyof InitializeNames> = new Map([
  ['feature_gate', 'gates'],
  ['dynamic_config', 'configs'],
  ['experiment', 'experiments'],
  ['layer', 'layers'],
]);

class Response {
  readonly #program: Program;
  readonly #user: User;
  readonly #context: Context;
  readonly #options: InitializeOptions;
  readonly #app: ClientApp;
  readonly #hash: Hash;
  readonly #tables: ResponseTables;
  readonly #entries: EntryWriter;
  readonly #evaluation: Evaluation;

  constructor(program: Program, user: User, context: Context, options: InitializeOptions) {
    this.#program = program;
    this.#user = user;
    this.#context = context;
    this.#options = options;
    this.#app = clientAppOf(program.ruleset, options.clientSdkKey);
    this.#hash = hashOf(options.hashAlgorithm ?? 'djb2');
    this.#tables = tablesFor(options.format ?? 0);
    this.#entries = new EntryWriter(this.#tables, this.#hash, options.removeIdType === true);
    const asked = contextFor(context, this.#app, options.includeLocalOverrides === true);
    this.#evaluation = new Evaluation(program, user, asked);
    this.#evaluation.isForClients = true;
  }

  write(): JsonObject {
    const { ruleset } = this.#program;
    const sections = this.#writeSections();
    if (sections === undefined) return this.#failure();
    const shown = { ...sections, ...sessionReplayOf(this.#evaluation, this.#hash) };
    const { previousResponseHash, format = 0 } = this.#options;
    const checksum = previousResponseHash === undefined || format !== 0 ? undefined : checksumOf(shown);
    if (checksum !== undefined && checksum === previousResponseHash) return this.#blank();
    return {
      ...shown,
      time: ruleset.time,
      has_updates: true,
      hash_used: this.#options.hashAlgorithm ?? 'djb2',
      user: loggedUser(this.#program, this.#user, this.#context),
      sdkInfo: { ...this.#options.sdkInfo },
      sdkParams: {},
      evaluated_keys: evaluatedKeys(this.#user),
      ...privateAttributesHash(this.#user),
      ...this.#tables.extras(),
      ...(checksum === undefined ? {} : { full_checksum: checksum }),
    };
  }

  /** Nothing but who was asked about. */
  #failure(): JsonObject {
    const hash = (this.#options.format ?? 0) === 0 ? privateAttributesHash(this.#user) : {};
    return { ...this.#blank(), user: loggedUser(this.#program, this.#user, this.#context), ...hash };
  }

  /** What clients read as "nothing new": they keep what they have. */
  #blank(): JsonObject {
    return {
      feature_gates: {},
      dynamic_configs: {},
      layer_configs: {},
      param_stores: {},
      time: 0,
      has_updates: false,
      hash_used: '',
      user: {},
      sdkInfo: {},
      sdkParams: {},
      evaluated_keys: {},
      ...tablesFor(this.#options.format ?? 0).extras(),
    };
  }

  /** Undefined when an entity cannot be decided: like the reference, this says nothing rather than a part. */
  #writeSections(): JsonObject | undefined {
    const { gates, configs, layers, paramStores, cmabs } = this.#program.ruleset;
    const keep = this.#options.keep ?? {};
    try {
      const dynamicConfigs = this.#section(configs, (spec) => this.#config(spec));
      for (const [name, cmab] of cmabs) {
        if (keep.experiments?.has(name) === false || !isShownTo(this.#app, cmab)) continue;
        const decision = this.#decide(() => decideConfig(this.#evaluation, name, 'experiment'));
        dynamicConfigs[this.#hash(name)] = this.#entries.config(name, 'autotune', decision, this.#evaluation.value);
      }
      return {
        feature_gates: this.#section(gates, (spec) => this.#gate(spec)),
        dynamic_configs: dynamicConfigs,
        layer_configs: this.#section(layers, (spec) => this.#layer(spec)),
        param_stores: writeParamStores(
          paramStores,
          (name, store) => keep.paramStores?.has(name) !== false && isShownTo(this.#app, store),
          this.#hash,
        ),
      };
    } catch (error) {
      if (error === undecided) return undefined;
      throw error;
    }
  }

  #section(specs: ReadonlyMap<string, Spec>, write: (spec: Spec) => JsonObject | undefined): JsonObject {
    const section: JsonObject = {};
    for (const [name, spec] of specs) {
      if (spec.entity === 'segment' || spec.entity === 'holdout') continue;
      if (!isShownTo(this.#app, spec) || !this.#isKept(spec)) continue;
      const entry = write(spec);
      if (entry !== undefined) section[this.#hash(name)] = entry;
    }
    return section;
  }

  /** By what a spec says it is, not by its section. */
  #isKept({ name, entity }: Spec): boolean {
    const kind = kindsByEntity.get(entity);
    return kind === undefined || this.#options.keep?.[kind]?.has(name) !== false;
  }

  #gate({ name }: Spec): JsonObject | undefined {
    const decision = this.#decide(() => decideGate(this.#evaluation, name));
    const isUsual = !decision.value && decision.ruleID === 'default' && decision.secondaryExposures.length === 0;
    return this.#options.removeDefaultValueGates === true && isUsual ? undefined : this.#entries.gate(name, decision);
  }

  #config({ name, entity }: Spec): JsonObject | undefined {
    const kind = entity === 'dynamic_config' ? 'config' : 'experiment';
    const decision = this.#decide(() => decideConfig(this.#evaluation, name, kind));
    return this.#entries.config(name, entity, decision, this.#evaluation.value);
  }

  #layer({ name }: Spec): JsonObject | undefined {
    const decision = this.#decide(() => decideLayer(this.#evaluation, name));
    return this.#entries.layer(name, decision, this.#evaluation.value);
  }

  #decide<Decided extends GateDecision | ConfigDecision | LayerDecision>(decide: () => Decided): Decided {
    this.#evaluation.restart();
    const decision = decide();
    if (isFailed(decision)) throw undecided;
    return decision;
  }
}

const undecided = new Error('an entity asks for itself, or nests too deeply');

function isFailed({ reason }: Decision): boolean {
  return reason.startsWith('Error:');
}
