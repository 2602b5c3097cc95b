/** Config mappings: while one of their rules passes, another config answers. */
import type { CompiledRule, CompiledSpec } from './compiled.js';
import { type AskedKind, evaluateSpec, passesPercentage, specNamed } from './evaluate.js';
import { depthExceeded, type Evaluation } from './evaluation.js';
import { matchRule } from './match.js';
import type { ConfigMapping } from './ruleset.js';

/** Follows the first mapping of `name` that passes and leads to something. False: none did. */
export function applyMapping(
  evaluation: Evaluation,
  kind: AskedKind,
  name: string,
  spec: CompiledSpec | undefined,
): boolean {
  const mappings = evaluation.program.mappings?.get(name);
  if (mappings === undefined) return false;
  for (const mapping of mappings) {
    evaluation.hop();
    const levels = evaluation.levels;
    const depth = evaluation.recorder?.depth ?? 0;
    evaluation.recorder?.openSpec(kind, name, rulesOf(evaluation, mapping), evaluation, 'mapping');
    try {
      const isFollowed = follow(evaluation, kind, mapping, spec?.authored.salt ?? '');
      evaluation.recorder?.closeSpec(evaluation);
      if (isFollowed) return true;
    } catch (error) {
      if (error !== depthExceeded) throw error;
      evaluation.levels = levels;
      evaluation.reset();
      evaluation.recorder?.unwind(depth);
    }
  }
  return false;
}

/** Whether the mapping passes and leads to something, which has then been evaluated. */
function follow(evaluation: Evaluation, kind: AskedKind, mapping: ConfigMapping, specSalt: string): boolean {
  if (!passesMapping(evaluation, mapping, specSalt)) return false;
  const name = mapping.newConfigName;
  evaluation.overrideConfigName = name;
  evaluation.enter();
  const isKnown = evaluateSpec(evaluation, kind, name, specNamed(evaluation.program, kind, name));
  evaluation.leave();
  if (!isKnown) evaluation.reset();
  return isKnown;
}

/** For explanations: the rules of a mapping that there are. */
function rulesOf({ program }: Evaluation, mapping: ConfigMapping): CompiledRule[] {
  return mapping.rules.flatMap(({ ruleName }) => program.overrideRules.get(ruleName) ?? []);
}

function passesMapping(evaluation: Evaluation, mapping: ConfigMapping, specSalt: string): boolean {
  for (const { ruleName, startTimeMs } of mapping.rules) {
    const rule = evaluation.program.overrideRules.get(ruleName);
    if (rule === undefined || (startTimeMs !== undefined && startTimeMs > evaluation.context.now)) continue;
    matchRule(evaluation, rule);
    const hasMatched = evaluation.bool && !evaluation.isUnsupported;
    // The whole record is emptied, also when this happens inside a delegate or a nested gate.
    evaluation.reset();
    if (hasMatched && passesPercentage(evaluation, rule, specSalt)) {
      evaluation.recorder?.closeRule('delegated', `every condition holds; ${mapping.newConfigName} answers instead`);
      return true;
    }
  }
  return false;
}
