/** Rules against users: every condition of a rule, and the gates that conditions ask. */
import type { CompiledRule } from './compiled.js';
import type { CompiledCondition } from './conditions.js';
import { deepen, evaluateSpec } from './evaluate.js';
import { type Evaluation, joinExposures } from './evaluation.js';
import { groupOf } from './experiment-group.js';
import { compare, holds, satisfies } from './holds.js';
import { noValue } from './value.js';

/**
 * Decides whether all conditions hold, into the record's bool. All of them run, since gates that are
 * asked late still add exposures; but conditions that leave no trace are skipped once one has failed.
 */
export function matchRule(evaluation: Evaluation, rule: CompiledRule): void {
  if (evaluation.recorder !== undefined) {
    matchAndRecord(evaluation, rule);
    return;
  }
  const slots = rule.conditions;
  const conditions = evaluation.program.conditions;
  let all = true;
  for (let i = 0; i < slots.length; i++) {
    const slot = slots[i] as number;
    const condition = conditions[slot];
    if (condition === undefined) {
      stopAtUnknown(evaluation, rule, i);
      return;
    }
    if (!all && condition.isPure) continue;
    decide(evaluation, condition);
    if (!evaluation.bool) all = false;
  }
  evaluation.bool = all;
}

/** The same, with nothing skipped and everything told to the recorder. */
function matchAndRecord(evaluation: Evaluation, rule: CompiledRule): void {
  const recorder = evaluation.recorder;
  recorder?.openRule(rule);
  let all = true;
  for (const slot of rule.conditions) {
    const condition = evaluation.program.conditions[slot];
    recorder?.openCondition();
    if (condition === undefined) {
      evaluation.isUnsupported = true;
      recorder?.closeCondition(evaluation, condition);
      recorder?.closeRule('unsupported');
      return;
    }
    decide(evaluation, condition);
    recorder?.closeCondition(evaluation, condition);
    if (!evaluation.bool) all = false;
  }
  evaluation.bool = all;
  if (evaluation.isUnsupported) recorder?.closeRule('unsupported');
  else if (!all) recorder?.closeRule('conditions failed');
}

/**
 * An unknown condition ends the rule with the outcome of the condition before it, not of them all.
 * That one may have been skipped.
 */
function stopAtUnknown(evaluation: Evaluation, rule: CompiledRule, index: number): void {
  evaluation.isUnsupported = true;
  for (let i = index - 1; i >= 0; i--) {
    const slot = rule.conditions[i] as number;
    const condition = evaluation.program.conditions[slot];
    if (condition === undefined || condition.kind === 'unsupported') continue;
    if (condition.isPure) decide(evaluation, condition);
    return;
  }
}

/** Decides one condition into the record's bool; one that is not supported leaves it as it was. */
function decide(evaluation: Evaluation, condition: CompiledCondition): void {
  switch (condition.kind) {
    case 'always':
      evaluation.bool = true;
      return;
    case 'test':
    case 'list':
      evaluation.bool = condition.isPure ? holds(condition, evaluation) : compare(condition, evaluation);
      return;
    case 'gate':
      askGate(evaluation, condition);
      return;
    case 'group':
      if (evaluation.isForClients) evaluation.isUnsupported = true;
      else evaluation.bool = satisfies(condition, askGroup(evaluation, condition), evaluation);
      return;
    case 'unsupported':
      // Of experiments it still asks for the group.
      if (condition.authored.type === 'experiment_group' && !evaluation.isForClients) askGroup(evaluation, condition);
      evaluation.isUnsupported = true;
  }
}

function askGroup(evaluation: Evaluation, { authored }: CompiledCondition): string | undefined {
  return authored.field === undefined ? undefined : groupOf(evaluation, authored.field);
}

function askGate(evaluation: Evaluation, condition: CompiledCondition): void {
  if (!askInto(evaluation, condition.name, condition.gateSlot, true)) return;
  exposeGate(evaluation, condition.name);
  if (condition.isInverted) evaluation.bool = !evaluation.bool;
}

/** Asks a gate by name, as bandits do: unlike with conditions, an unknown gate is exposed as well, and none is analytical. */
export function askNamedGate(evaluation: Evaluation, name: string): boolean {
  const outer = evaluation.exposures;
  const isDecided = askInto(evaluation, name, evaluation.program.names.gates.find(name) ?? -1, false);
  // With conditions, a gate that is unsupported takes the exposures before it along; not so here.
  if (!isDecided) evaluation.exposures = joinExposures(outer, evaluation.exposures);
  exposeNamedGate(evaluation, name);
  return evaluation.bool;
}

/** Unlike with conditions, also under no rule id. */
export function exposeNamedGate(evaluation: Evaluation, name: string): void {
  addExposure(evaluation, name, evaluation.ruleID ?? '');
}

/**
 * Asks another gate into the record's bool; only conditions remember what it said. Its children come before it among the exposures. False: it turned
 * out unsupported, and nothing is done about it. A gate that is remembered is decided, also in a call that has
 * become unsupported since.
 */
function askInto(evaluation: Evaluation, name: string, slot: number, isRemembered: boolean): boolean {
  const known = isRemembered ? evaluation.gateMemo?.get(name) : undefined;
  if (known !== undefined) {
    evaluation.bool = known.bool;
    evaluation.ruleID = known.ruleID;
    evaluation.exposures = joinExposures(evaluation.exposures, known.exposures);
  } else {
    deepen(evaluation);
    evaluation.bool = false;
    evaluation.value = noValue;
    const outer = evaluation.takeExposures();
    evaluateSpec(evaluation, 'gate', name, evaluation.program.gates[slot]);
    evaluation.leave();
    if (evaluation.isUnsupported) return false;
    const exposures = evaluation.exposures;
    if (isRemembered && name !== '') {
      evaluation.gateMemo ??= new Map();
      evaluation.gateMemo.set(name, { bool: evaluation.bool, ruleID: evaluation.ruleID, exposures });
    }
    evaluation.exposures = joinExposures(outer, exposures);
  }
  return true;
}

/** Segments are invisible. An unknown gate shows up under the rule id that an earlier one left behind. */
function exposeGate(evaluation: Evaluation, gate: string): void {
  if (evaluation.ruleID === undefined || evaluation.ruleID === '') return;
  addExposure(evaluation, gate, evaluation.ruleID);
}

function isSegment(gate: string): boolean {
  return gate.startsWith('segment:');
}

function addExposure(evaluation: Evaluation, gate: string, ruleID: string): void {
  if (isSegment(gate)) return;
  const gateValue = evaluation.bool ? 'true' : 'false';
  evaluation.exposures = evaluation.exposures.concat({ gate, gateValue, ruleID });
}
