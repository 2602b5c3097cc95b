/** Conditions that compare something of the user's, without asking other entities. */
import { idListKey } from './bucket.js';
import type { Call } from './call.js';
import { textOf } from './coerce.js';
import type { CompiledCondition } from './conditions.js';

/** Whether a pure comparison holds. It is made once per call, and for a text that came by lately not at all. */
export function holds(condition: CompiledCondition, call: Call): boolean {
  if (condition.recall !== undefined) return condition.recall.passes(call, condition.column, condition.test);
  if (condition.asked !== call.stamp) {
    condition.outcome = compare(condition, call);
    condition.asked = call.stamp;
  }
  return condition.outcome;
}

/** Makes the comparison. */
export function compare(condition: CompiledCondition, call: Call): boolean {
  return satisfies(condition, condition.source.read(call), call);
}

/** Whether a value is what a condition asks for. */
export function satisfies({ list, test, isInverted }: CompiledCondition, value: unknown, call: Call): boolean {
  return list === undefined ? test(value) : isListed(call, list, value) !== isInverted;
}

function isListed(call: Call, listName: string, value: unknown): boolean {
  const list = call.program.ruleset.idLists.get(listName);
  const text = list && textOf(value);
  return list !== undefined && text !== undefined && list.has(idListKey(text));
}
