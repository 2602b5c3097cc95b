/** Answers that the caller forces, ahead of anything in the ruleset. */
import { textOf } from './coerce.js';
import type { CompiledSpec } from './compiled.js';
import type { ExperimentOverride, LocalOverride, LocalOverrides } from './context.js';
import type { AskedKind } from './evaluate.js';
import type { Evaluation } from './evaluation.js';
import type { User } from './user.js';
import { noValue, Value } from './value.js';

type AnyOverride = LocalOverride<boolean> | ExperimentOverride;

/** Applies the forced answer for this name and user, if there is one. */
export function applyLocalOverride(
  evaluation: Evaluation,
  kind: AskedKind,
  name: string,
  spec: CompiledSpec | undefined,
): boolean {
  const override = chooseOverride(overridesOf(evaluation.context.localOverrides, kind)?.get(name), evaluation.user);
  if (override === undefined) return false;
  evaluation.recorder?.openSpec(kind, name, [], evaluation, 'local override');
  if ('groupName' in override) {
    const rule = spec?.rules.find((candidate) => candidate.authored.groupName === override.groupName);
    evaluation.value = rule?.value ?? noValue;
  } else if (typeof override.value === 'boolean') {
    evaluation.bool = override.value;
  } else {
    evaluation.value = new Value(JSON.stringify(override.value));
  }
  evaluation.ruleID = 'override';
  evaluation.overrideReason = 'LocalOverride:Recognized';
  evaluation.recorder?.closeSpec(evaluation);
  return true;
}

function overridesOf(
  overrides: LocalOverrides | undefined,
  kind: AskedKind,
): ReadonlyMap<string, readonly AnyOverride[]> | undefined {
  switch (kind) {
    case 'gate':
      return overrides?.gates;
    case 'config':
      return overrides?.configs;
    case 'experiment':
      return overrides?.experiments;
    case 'layer':
      return overrides?.layers;
  }
}

/** For the user id, then for any of the custom ids, then for everybody. */
export function chooseOverride<Override extends { readonly id?: string | undefined }>(
  overrides: readonly Override[] | undefined,
  user: User,
): Override | undefined {
  if (overrides === undefined) return undefined;
  const withId = (id: unknown): Override | undefined => {
    const text = textOf(id);
    return text === undefined ? undefined : overrides.find((override) => override.id === text);
  };
  let override = withId(user.userID);
  for (const id of Object.values(user.customIDs ?? {})) override ??= withId(id);
  return override ?? overrides.find((candidate) => candidate.id === undefined);
}
