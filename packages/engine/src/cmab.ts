/** Contextual bandits: explore at random, or pick the group that scores best for this user. */
import { bucket } from './bucket.js';
import { floatOf, jsonText, textOf } from './coerce.js';
import { depthExceeded, type Evaluation } from './evaluation.js';
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
  evaluation.recorder?.openBandit(name, cmab);
  const passes = gate === undefined || passesGate(evaluation, gate);
  // Unlike those of a spec, these replace what an outer layer, or the gate, has set.
  evaluation.name ??= name;
  evaluation.idType = cmab.idType;
  evaluation.version = cmab.version;
  evaluation.isExperimentActive = cmab.enabled;
  if (!isRunning) answer(evaluation, cmab.defaultValue, 'prestart');
  else if (!passes) answer(evaluation, cmab.defaultValue, 'inlineTargetingRules');
  else pick(evaluation, cmab);
  evaluation.recorder?.closeSpec(evaluation);
  return true;
}

/** Without weights the bucket picks the group, below the sample rate a random number does, else the best score. */
function pick(evaluation: Evaluation, cmab: Cmab): void {
  const groups = cmab.groups;
  const unit = evaluation.program.names.unit(cmab.idType);
  const unitBucket = bucket(new HashPrefix(`${cmab.salt}.`), unit.encode(unit.text(evaluation)), 10_000);
  const threshold = cmab.config === undefined ? 10_000 : cmab.sampleRate * 10_000;
  const random = evaluation.context.random ?? 0;
  const index = Math.min(Math.floor(unitBucket / (10_000 / groups.length)), groups.length - 1);
  const explored =
    cmab.config === undefined ? groups[index] : unitBucket < threshold ? drawGroup(cmab, random) : undefined;
  const group = explored ?? (cmab.config === undefined ? undefined : bestGroup(evaluation, cmab, random));
  if (group === undefined) return;
  choose(evaluation, group, explored === undefined ? '' : ':explore');
  const note = explored === undefined ? 'it has the best score for this user' : 'it is explored';
  evaluation.recorder?.pickGroup(group.id, note, unitBucket, threshold);
}

/** A gate that goes in circles is not passed, and no error here. */
function passesGate(evaluation: Evaluation, gate: string): boolean {
  const depth = evaluation.recorder?.depth ?? 0;
  let passes = false;
  try {
    passes = askNamedGate(evaluation, gate);
  } catch (error) {
    if (error !== depthExceeded) throw error;
    evaluation.recorder?.unwind(depth);
  }
  evaluation.recorder?.closeTargeting(passes);
  return passes;
}

function answer(evaluation: Evaluation, valueText: string, ruleID: string): void {
  evaluation.bool = false;
  evaluation.value = valueOfText(valueText);
  evaluation.ruleID = ruleID;
}

function choose(evaluation: Evaluation, group: Group, suffix: string): void {
  evaluation.bool = true;
  evaluation.value = valueOfText(group.parameterValues);
  evaluation.ruleID = group.id;
  evaluation.groupName = group.name;
  evaluation.ruleSuffix = suffix;
}

/** Groups seen less often are explored more. Undefined when rounding leaves the number to none of them. */
function drawGroup(cmab: Cmab, random: number): Group | undefined {
  const weights = cmab.groups.map((group) => 1 / ((cmab.config?.[group.id]?.records ?? 0) + 1));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  return cmab.groups.find((_, index) => {
    sum += (weights[index] ?? 0) / total;
    return random < sum;
  });
}

/** The first with the best score; any of them, when none has weights to score by. */
function bestGroup(evaluation: Evaluation, cmab: Cmab, random: number): Group | undefined {
  let best = cmab.groups[0];
  let bestScore = cmab.higherIsBetter ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
  let isScored = false;
  for (const group of cmab.groups) {
    const weights = cmab.config?.[group.id];
    if (weights === undefined || isEmpty(weights)) continue;
    isScored = true;
    const score = scoreOf(evaluation, weights);
    if (cmab.higherIsBetter ? score > bestScore : score < bestScore) {
      best = group;
      bestScore = score;
    }
  }
  return isScored ? best : cmab.groups[Math.floor(random * cmab.groups.length)];
}

function isEmpty(weights: CmabWeights): boolean {
  return Object.keys(weights.weightsNumerical).length + Object.keys(weights.weightsCategorical).length === 0;
}

function scoreOf(evaluation: Evaluation, weights: CmabWeights): number {
  const names = evaluation.program.names;
  let score = weights.alpha + weights.intercept;
  for (const [field, byText] of Object.entries(weights.weightsCategorical)) {
    const text = categoryOf(names.field(field).read(evaluation));
    if (text !== undefined && Object.hasOwn(byText, text)) score += byText[text] ?? 0;
  }
  for (const [field, weight] of Object.entries(weights.weightsNumerical)) {
    const number = floatOf(names.field(field).read(evaluation));
    if (number !== undefined) score += weight * number;
  }
  return score;
}

/** Unlike in conditions, null and objects have a text as well: their JSON. */
function categoryOf(value: unknown): string | undefined {
  return value === undefined ? undefined : (textOf(value) ?? jsonText(value));
}
