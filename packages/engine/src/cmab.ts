/** Contextual bandits: explore at random, or pick the group that scores best for this user. */
import { bucket } from './bucket.js';
import { floatOf, textOf } from './coerce.js';
import type { Evaluation } from './evaluation.js';
import { askNamedGate } from './match.js';
import type { Cmab, CmabWeights } from './ruleset.js';
import { HashPrefix } from './sha256.js';
import { valueOfText } from './value.js';

type Group = Cmab['groups'][number];

/** Decides by the bandit of this name. False: there is none. */
export function evaluateCmab(evaluation: Evaluation, name: string): boolean {
  const cmab = evaluation.program.cmabs?.get(name);
  if (cmab === undefined) return false;
  const groups = cmab.groups;
  const isRunning = cmab.enabled && groups.length > 0;
  const gate = isRunning ? cmab.targetingGateName : undefined;
  const passes = gate === undefined || askNamedGate(evaluation, gate);
  // Unlike those of a spec, these replace what an outer layer, or the gate, has set.
  evaluation.name ??= name;
  evaluation.idType = cmab.idType;
  evaluation.version = cmab.version;
  evaluation.isExperimentActive = cmab.enabled;
  if (!isRunning) return answer(evaluation, cmab.defaultValue, 'prestart');
  if (!passes) return answer(evaluation, cmab.defaultValue, 'inlineTargetingRules');
  const unit = evaluation.program.names.unit(cmab.idType);
  const unitBucket = bucket(new HashPrefix(`${cmab.salt}.`), unit.encode(unit.text(evaluation)), 10_000);
  if (cmab.config === undefined) {
    const index = Math.min(Math.floor(unitBucket / (10_000 / groups.length)), groups.length - 1);
    return choose(evaluation, groups[index], ':explore');
  }
  if (unitBucket < cmab.sampleRate * 10_000) {
    return choose(evaluation, drawGroup(cmab, evaluation.context.random ?? 0), ':explore');
  }
  // Without a single group that has weights, the reference draws one as well.
  return choose(evaluation, bestGroup(evaluation, cmab) ?? drawGroup(cmab, evaluation.context.random ?? 0), '');
}

function answer(evaluation: Evaluation, valueText: string, ruleID: string): boolean {
  evaluation.bool = false;
  evaluation.value = valueOfText(valueText);
  evaluation.ruleID = ruleID;
  return true;
}

function choose(evaluation: Evaluation, group: Group | undefined, suffix: string): boolean {
  if (group === undefined) return true;
  evaluation.bool = true;
  evaluation.value = valueOfText(group.parameterValues);
  evaluation.ruleID = group.id;
  evaluation.groupName = group.name;
  evaluation.ruleSuffix = suffix;
  evaluation.isExperimentGroup = true;
  return true;
}

/** Groups seen less often are explored more. */
function drawGroup(cmab: Cmab, random: number): Group | undefined {
  const weights = cmab.groups.map((group) => 1 / ((cmab.config?.[group.id]?.records ?? 0) + 1));
  let left = random * weights.reduce((sum, weight) => sum + weight, 0);
  for (const [index, weight] of weights.entries()) {
    left -= weight;
    if (left < 0) return cmab.groups[index];
  }
  return cmab.groups.at(-1);
}

function bestGroup(evaluation: Evaluation, cmab: Cmab): Group | undefined {
  let best: Group | undefined;
  let bestScore = cmab.higherIsBetter ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  for (const group of cmab.groups) {
    const weights = cmab.config?.[group.id];
    if (weights === undefined || isEmpty(weights)) continue;
    const score = scoreOf(evaluation, weights);
    if (cmab.higherIsBetter ? score > bestScore : score < bestScore) {
      best = group;
      bestScore = score;
    }
  }
  return best;
}

function isEmpty(weights: CmabWeights): boolean {
  return Object.keys(weights.weightsNumerical).length + Object.keys(weights.weightsCategorical).length === 0;
}

function scoreOf(evaluation: Evaluation, weights: CmabWeights): number {
  const names = evaluation.program.names;
  let score = weights.alpha + weights.intercept;
  for (const [field, byText] of Object.entries(weights.weightsCategorical)) {
    const text = textOf(names.field(field).read(evaluation));
    if (text !== undefined && Object.hasOwn(byText, text)) score += byText[text] ?? 0;
  }
  for (const [field, weight] of Object.entries(weights.weightsNumerical)) {
    score += weight * (floatOf(names.field(field).read(evaluation)) ?? 0);
  }
  return score;
}
