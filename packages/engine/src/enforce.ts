import type { CompiledSpec } from './compiled.js';
import type { Context } from './context.js';
import { evaluateRulesOnly } from './evaluate.js';
import { Evaluation } from './evaluation.js';
import type { Program } from './program.js';
import type { User } from './user.js';

/**
 * Whether the rules of a spec with certain ids, on their own, answer true. Local overrides, mappings and
 * bandits do not take part. No such rule at all is false.
 */
export function evaluateOnly(
  program: Program,
  spec: CompiledSpec,
  user: User,
  context: Context,
  isWanted: (ruleID: string) => boolean,
): boolean {
  const rules = spec.rules.filter((rule) => isWanted(rule.authored.id));
  return rules.length > 0 && evaluateRulesOnly(new Evaluation(program, user, context), spec, rules);
}
