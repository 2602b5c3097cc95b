/** What is compared: for one user, the answer of every entity, as flat text-keyed data. */
import {
  type ConfigDecision,
  type Context,
  evaluateConfig,
  evaluateGate,
  evaluateLayer,
  evaluateParameter,
  type GateDecision,
  initializeResponse,
  isSameType,
  type JsonValue,
  type LayerDecision,
  type Program,
  referenceReason,
  type SecondaryExposure,
  type User,
} from '@sluice/engine';
import { type ClientOptionsData, toEngineOptions } from './client-options.js';
import { flattenResponse } from './client-shape.js';
import type { Json } from './document.js';
import type { UserData } from './users.js';

/** Names of a document's entities, and some that it does not have. */
export interface Names {
  readonly gates: readonly string[];
  readonly configs: readonly string[];
  readonly layers: readonly string[];
  /** Names of parameters, by store. */
  readonly stores: Readonly<Record<string, readonly string[]>>;
  readonly clients: readonly ClientOptionsData[];
  /** Whether to look at what asking logs. */
  readonly isExposing: boolean;
}

/** What typed getters are asked with: a value is only given where its type is that of the fallback. */
export const fallbacks: readonly Json[] = ['fallback', -77, true, { fallback: 1 }, ['fallback']];

/** One line per entity: `gate g0` → its answer. */
export type Answers = Record<string, unknown>;

/** `gate:value:ruleID`, in order. */
export function exposureTexts(exposures: readonly SecondaryExposure[]): string[] {
  return exposures.map(({ gate, gateValue, ruleID }) => `${gate}:${gateValue}:${ruleID}`);
}

const source = 'Network';

/** The engine's answers for one user. */
export function answerByEngine(program: Program, names: Names, user: UserData, context: Context): Answers {
  const answers: Answers = {};
  const unit = user as User;
  for (const name of names.gates) {
    const decision = evaluateGate(program, name, unit, context);
    const { value, ruleID, idType, version } = decision;
    answers[`gate ${name}`] = { value, ruleID, idType, version, reason: referenceReason(decision.reason, source) };
  }
  for (const name of names.configs) {
    const { groupName, exposures, ...config } = describe(evaluateConfig(program, name, unit, context, 'config'));
    answers[`config ${name}`] = config;
    const experiment = describe(evaluateConfig(program, name, unit, context, 'experiment'));
    answers[`experiment ${name}`] = experiment;
  }
  const layers = names.layers.map((name) => evaluateLayer(program, name, unit, context));
  for (const decision of layers) answers[`layer ${decision.name}`] = describeLayer(decision);
  answers.consulted = consultedBy(layers);
  if (names.isExposing) Object.assign(answers, exposuresByEngine(program, names, unit, context));
  for (const [store, parameters] of Object.entries(names.stores)) {
    for (const name of parameters) {
      const { value } = evaluateParameter(program, store, name, unit, context);
      answers[`parameter ${store} ${name}`] = fallbacks.map((fallback) =>
        isSameType(value, fallback as JsonValue) ? value : fallback,
      );
    }
  }
  for (const options of names.clients) {
    const response = initializeResponse(program, unit, context, toEngineOptions(options));
    Object.assign(answers, flattenResponse(JSON.stringify(options), response));
  }
  return answers;
}

/** Experiments that layers whose parameters were read have asked for, each once. */
function consultedBy(layers: readonly LayerDecision[]): string[] {
  const consulted = layers.flatMap(({ consultedExperiments }) => consultedExperiments);
  return [...new Set(consulted.map(({ name, ruleID }) => `${name}:${ruleID}`))].sort();
}

/** What asking for each gate and experiment exposes. */
function exposuresByEngine(program: Program, names: Names, user: User, context: Context): Answers {
  const answers: Answers = {};
  const add = (kind: string, decision: GateDecision | ConfigDecision): void => {
    // The reference logs a gate that failed without a name.
    if (decision.kind === 'gate' && decision.reason.startsWith('Error:')) return;
    answers[`exposure ${kind} ${decision.name}`] = {
      passed: String(decision.kind === 'gate' ? decision.value : decision.passed),
      ruleID: decision.ruleID,
      version: decision.version === null ? null : String(decision.version),
      redirected: decision.overrideConfigName,
      exposures: exposureTexts(decision.secondaryExposures),
    };
  };
  for (const name of names.gates) add('gate', evaluateGate(program, name, user, context));
  for (const name of names.configs) add('experiment', evaluateConfig(program, name, user, context, 'experiment'));
  return answers;
}

function describe(decision: ConfigDecision | LayerDecision): Record<string, unknown> {
  const { value, ruleID, idType, version, groupName } = decision;
  const reason = referenceReason(decision.reason, source);
  return { value, ruleID, idType, version, reason, groupName, exposures: exposureTexts(decision.secondaryExposures) };
}

function describeLayer(decision: LayerDecision): Record<string, unknown> {
  return {
    ...describe(decision),
    isExperimentActive: decision.isExperimentActive,
    allocated: decision.allocatedExperiment,
    parameters: Object.fromEntries(
      Object.keys(decision.value).map((name) => [name, describeParameter(decision, name)]),
    ),
  };
}

/** What reading one parameter of a layer exposes. */
function describeParameter(decision: LayerDecision, name: string): Record<string, unknown> {
  const isExplicit = decision.explicitParameters?.includes(name) === true;
  const exposures = isExplicit ? decision.secondaryExposures : decision.undelegatedSecondaryExposures;
  return {
    ruleID: decision.parameterRuleIDs?.get(name) ?? decision.ruleID,
    isExplicit: String(isExplicit),
    allocated: isExplicit ? (decision.allocatedExperiment ?? '') : '',
    exposures: exposures && exposureTexts(exposures),
  };
}
