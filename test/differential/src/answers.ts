/** What is compared: for one user, the answer of every entity, as flat text-keyed data. */
import {
  type ConfigDecision,
  type Context,
  evaluateConfig,
  evaluateGate,
  evaluateLayer,
  type LayerDecision,
  type Program,
  referenceReason,
  type SecondaryExposure,
  type User,
} from '@sluice/engine';
import type { UserData } from './users.js';

/** Names of a document's entities, and some that it does not have. */
export interface Names {
  readonly gates: readonly string[];
  readonly configs: readonly string[];
  readonly layers: readonly string[];
}

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
  for (const name of names.layers)
    answers[`layer ${name}`] = describeLayer(evaluateLayer(program, name, unit, context));
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
