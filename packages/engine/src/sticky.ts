/**
 * Sticky assignment: whether a user keeps the group that was stored. Storage belongs to the caller; this
 * only says what to answer, and what to save or delete.
 */
import { openSession } from './api.js';
import { textOf } from './coerce.js';
import type { CompiledSpec } from './compiled.js';
import type { Context } from './context.js';
import type { ConfigDecision, LayerDecision, SecondaryExposure } from './decision.js';
import { evaluateOnly } from './enforce.js';
import { specNamed } from './evaluate.js';
import type { Program } from './program.js';
import type { JsonValue, User } from './user.js';

/** What is stored for one user and entity. The keys are those of the reference's storage. */
export interface StickyValue {
  readonly value: boolean;
  readonly json_value: Readonly<Record<string, JsonValue>>;
  readonly rule_id: string;
  readonly group_name: string | null;
  readonly secondary_exposures: readonly SecondaryExposure[];
  readonly undelegated_secondary_exposures: readonly SecondaryExposure[] | null;
  readonly config_delegate: string | null;
  readonly explicit_parameters: readonly string[] | null;
  readonly time: number;
  readonly config_version?: number | undefined;
}

export interface StickyOptions {
  /** Whether the caller has a storage at all. */
  readonly hasStorage: boolean;
  /** What was loaded for this user, by entity name; undefined: the app did not load. */
  readonly userPersistedValues?: Readonly<Record<string, StickyValue>> | undefined;
  /** Drop the stored value when the user no longer passes targeting. */
  readonly enforceTargeting?: boolean | undefined;
  /** Let a matching override rule win over the stored value. */
  readonly enforceOverrides?: boolean | undefined;
}

/** What to do with the storage. */
export type StickyAction =
  | { readonly kind: 'none' }
  | { readonly kind: 'save'; readonly key: string; readonly name: string; readonly value: StickyValue }
  | { readonly kind: 'delete'; readonly key: string; readonly name: string };

export interface StickyOutcome<Decided> {
  readonly decision: Decided;
  readonly isSticky: boolean;
  readonly action: StickyAction;
}

const noAction: StickyAction = { kind: 'none' };

/** Decides an experiment, keeping a stored group. */
export function evaluateStickyExperiment(
  program: Program,
  name: string,
  user: User,
  context: Context,
  options: StickyOptions,
): StickyOutcome<ConfigDecision> {
  const spec = specNamed(program, 'experiment', name);
  const live = (): ConfigDecision => openSession(program, user, context).config(name, 'experiment');
  const key = storageKey(program, spec, user);
  if (!options.hasStorage || key === undefined) return { decision: live(), isSticky: false, action: noAction };
  const isActive = spec?.authored.isActive === true;
  if (options.userPersistedValues === undefined || !isActive) {
    return { decision: live(), isSticky: false, action: { kind: 'delete', key, name } };
  }
  const stored = storedFor(options, name);
  if (stored !== undefined) {
    if (isOverruled(program, spec, user, context, options))
      return { decision: live(), isSticky: false, action: noAction };
    const decision: ConfigDecision = { ...live(), ...readStored(stored), kind: 'experiment' };
    return { decision, isSticky: true, action: noAction };
  }
  const decision = live();
  if (!decision.isExperimentGroup) return { decision, isSticky: false, action: noAction };
  const value = makeStored(decision, null, program.ruleset.time);
  return { decision, isSticky: false, action: { kind: 'save', key, name, value } };
}

/** Decides a layer, keeping a stored experiment and group. */
export function evaluateStickyLayer(
  program: Program,
  name: string,
  user: User,
  context: Context,
  options: StickyOptions,
): StickyOutcome<LayerDecision> {
  const spec = specNamed(program, 'layer', name);
  const live = openSession(program, user, context).layer(name);
  const key = storageKey(program, spec, user);
  if (!options.hasStorage || key === undefined) return { decision: live, isSticky: false, action: noAction };
  const stored = storedFor(options, name);
  const storedDelegate = stored?.config_delegate ?? undefined;
  const delegate = storedDelegate === undefined ? undefined : specNamed(program, 'experiment', storedDelegate);
  // A stored experiment that is still there speaks for itself, otherwise the one that decides now does.
  const isActive = delegate === undefined ? live.isExperimentActive : delegate.authored.isActive === true;
  if (options.userPersistedValues === undefined || !isActive) {
    return { decision: live, isSticky: false, action: { kind: 'delete', key, name } };
  }
  if (stored !== undefined) {
    const isDropped = isOverruled(program, delegate, user, context, options);
    return { decision: isDropped ? live : withStored(live, stored), isSticky: !isDropped, action: noAction };
  }
  if (!live.isExperimentGroup) return { decision: live, isSticky: false, action: noAction };
  const value = makeStored(live, live, program.ruleset.time);
  return { decision: live, isSticky: false, action: { kind: 'save', key, name, value } };
}

function withStored(live: LayerDecision, stored: StickyValue): LayerDecision {
  return {
    ...live,
    ...readStored(stored),
    kind: 'layer',
    allocatedExperiment: stored.config_delegate,
    undelegatedSecondaryExposures: stored.undelegated_secondary_exposures,
    parameterRuleIDs: null,
  };
}

function storedFor(options: StickyOptions, name: string): StickyValue | undefined {
  const values = options.userPersistedValues;
  return values !== undefined && Object.hasOwn(values, name) ? values[name] : undefined;
}

/** `<unit id>:<id type>`, or undefined when the user has no such id. */
function storageKey(program: Program, spec: CompiledSpec | undefined, user: User): string | undefined {
  if (spec === undefined) return undefined;
  const idType = spec.authored.idType;
  const unit = textOf(program.names.unit(idType).readFrom(user));
  return unit === undefined ? undefined : `${unit}:${idType}`;
}

function isOverruled(
  program: Program,
  spec: CompiledSpec | undefined,
  user: User,
  context: Context,
  options: StickyOptions,
): boolean {
  if (spec === undefined) return false;
  const isTargeting = (id: string): boolean => id === 'targetingGate' || id === 'inlineTargetingRules';
  const isOverride = (id: string): boolean => id.endsWith('override');
  if (options.enforceTargeting === true && evaluateOnly(program, spec, user, context, isTargeting)) return true;
  return options.enforceOverrides === true && evaluateOnly(program, spec, user, context, isOverride);
}

type StoredParts = Pick<
  ConfigDecision,
  | 'value'
  | 'valueText'
  | 'ruleID'
  | 'groupName'
  | 'secondaryExposures'
  | 'version'
  | 'reason'
  | 'passed'
  | 'explicitParameters'
>;

function readStored(stored: StickyValue): StoredParts {
  return {
    value: stored.json_value,
    valueText: JSON.stringify(stored.json_value),
    ruleID: stored.rule_id,
    groupName: stored.group_name,
    secondaryExposures: stored.secondary_exposures,
    version: stored.config_version ?? null,
    reason: 'Persisted',
    passed: stored.value,
    explicitParameters: stored.explicit_parameters,
  };
}

/** No gates at all are saved as null. */
function makeStored(decision: ConfigDecision | LayerDecision, layer: LayerDecision | null, time: number): StickyValue {
  return {
    value: decision.passed,
    json_value: decision.value,
    rule_id: decision.ruleID,
    group_name: decision.groupName,
    secondary_exposures: decision.secondaryExposures,
    undelegated_secondary_exposures:
      layer === null ? orNull(decision.secondaryExposures) : layer.undelegatedSecondaryExposures,
    config_delegate: layer?.allocatedExperiment ?? null,
    explicit_parameters: decision.explicitParameters,
    time,
    ...(decision.version === null ? {} : { config_version: decision.version }),
  };
}

function orNull(exposures: readonly SecondaryExposure[]): readonly SecondaryExposure[] | null {
  return exposures.length === 0 ? null : exposures;
}
