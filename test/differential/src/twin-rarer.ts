/** The twin's rarer ways to decide: forced answers, mappings, bandits, groups of experiments, merged layers. */
import type { Json, RuleData, SpecData } from './document.js';
import { TooDeep, type Twin, type TwinKind } from './twin.js';
import { elementText } from './twin-text.js';
import { hash, views } from './twin-values.js';

/** An answer that the caller forces: for the user id, for another id, for everybody. */
export function isForced(twin: Twin, kind: TwinKind, name: string): boolean {
  const { gates, configs, experiments, layers } = twin.context.localOverrides ?? {};
  const found = { gate: gates, config: configs, experiment: experiments, layer: layers }[kind]?.get(name) ?? [];
  const ids = [twin.user.userID, ...Object.values(twin.user.customIDs ?? {})].map((id) => views(id).text);
  const override =
    ids.map((id) => found.find((one) => id !== undefined && one.id === id)).find((one) => one !== undefined) ??
    found.find((one) => one.id === undefined);
  if (override === undefined) return false;
  if ('groupName' in override) {
    twin.value = twin.spec(kind, name)?.rules.find((rule) => rule.groupName === override.groupName)?.returnValue;
  } else if (typeof override.value === 'boolean') twin.bool = override.value;
  else twin.value = override.value as Json;
  twin.ruleID = 'override';
  twin.override = 'LocalOverride:Recognized';
  return true;
}

/** Another config that answers, while one of the rules of a mapping passes. */
export function isMapped(twin: Twin, kind: TwinKind, name: string): boolean {
  const { overrides = {}, override_rules: rules = {} } = twin.document;
  if (Object.keys(rules).length === 0) return false;
  for (const mapping of Object.hasOwn(overrides, name) ? (overrides[name] ?? []) : []) {
    try {
      const started = mapping.rules.filter(({ start_time }) => (start_time ?? 0) <= twin.context.now);
      const passes = started.some(({ rule_name }) => passesAlone(twin, rules[rule_name], twin.spec(kind, name)));
      if (!passes) continue;
      if (twin.evaluate(kind, mapping.new_config_name)) return true;
    } catch (error) {
      if (!(error instanceof TooDeep)) throw error;
    }
    twin.reset();
  }
  return false;
}

/** Whatever was known before is forgotten on the way. */
function passesAlone(twin: Twin, rule: RuleData | undefined, spec: SpecData | undefined): boolean {
  if (rule === undefined) return false;
  twin.matchRule(rule);
  const hasMatched = twin.bool && !twin.isUnsupported;
  twin.reset();
  return hasMatched && twin.passes(spec?.salt ?? '', rule);
}

interface BanditData {
  readonly salt: string;
  readonly idType: string;
  readonly enabled: boolean;
  readonly higherIsBetter: boolean;
  readonly groups: readonly { readonly id: string; readonly name: string; readonly parameterValues: Json }[];
  readonly config?: Readonly<Record<string, WeightsData>>;
  readonly defaultValue: Json;
  readonly targetingGateName?: string;
}

interface WeightsData {
  readonly alpha: number;
  readonly intercept: number;
  readonly weightsNumerical: Readonly<Record<string, number>>;
  readonly weightsCategorical: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** A bandit. None of the generator's explores once it has weights. */
export function isBandit(twin: Twin, name: string): boolean {
  const bandits = twin.document.cmab_configs ?? {};
  if (!Object.hasOwn(bandits, name)) return false;
  const bandit = bandits[name] as unknown as BanditData;
  const isRunning = bandit.enabled && bandit.groups.length > 0;
  const isTargeted = !isRunning || bandit.targetingGateName === undefined || twin.askAlone(bandit.targetingGateName);
  if (!isRunning || !isTargeted) {
    twin.bool = false;
    twin.value = bandit.defaultValue;
    twin.ruleID = isRunning ? 'inlineTargetingRules' : 'prestart';
    return true;
  }
  const bucket = Number(hash(`${bandit.salt}.${twin.unit(bandit.idType).text ?? ''}`) % 10_000n);
  const index = Math.min(Math.floor(bucket / (10_000 / bandit.groups.length)), bandit.groups.length - 1);
  const group = bandit.config === undefined ? bandit.groups[index] : bestGroup(twin, bandit);
  twin.bool = true;
  twin.value = group?.parameterValues;
  twin.ruleID = group?.id ?? '';
  twin.groupName = group?.name ?? null;
  if (bandit.config === undefined) twin.suffix = ':explore';
  return true;
}

function bestGroup(
  twin: Twin,
  { groups, config = {}, higherIsBetter }: BanditData,
): BanditData['groups'][number] | undefined {
  const scored = groups.flatMap((group) => {
    const weights = config[group.id];
    return weights === undefined ? [] : [{ group, score: scoreOf(twin, weights) }];
  });
  const sign = higherIsBetter ? 1 : -1;
  const best = Math.max(...scored.map(({ score }) => sign * score));
  return scored.find(({ score }) => sign * score === best)?.group ?? groups[0];
}

function scoreOf(twin: Twin, { alpha, intercept, weightsNumerical, weightsCategorical }: WeightsData): number {
  let score = alpha + intercept;
  for (const [field, byText] of Object.entries(weightsCategorical)) {
    const raw = twin.field(field);
    const text = raw === undefined ? undefined : (views(raw).text ?? elementText(raw as Json));
    if (text !== undefined && Object.hasOwn(byText, text)) score += byText[text] ?? 0;
  }
  for (const [field, weight] of Object.entries(weightsNumerical))
    score += weight * (views(twin.field(field)).float ?? 0);
  return score;
}

/** Every rule that passes gives the parameters that are still free; of experiments the first that has a value. */
export function mergeLayer(twin: Twin, spec: SpecData): void {
  const members = new Map<string, Json>();
  const add = (value: Json | undefined): void => {
    if (typeof value !== 'object' || value === null || Array.isArray(value) || 'spelled' in value) return;
    for (const [key, member] of Object.entries(value)) if (!members.has(key)) members.set(key, member);
  };
  let exposures: string[] = [];
  let hasGiven = false;
  let delegate: { ruleID: string; allocated: string | null; groupName: string | null } | undefined;
  for (const rule of spec.rules) {
    twin.matchRule(rule);
    exposures = [...exposures, ...twin.exposures];
    twin.exposures = [];
    if (twin.isUnsupported) return;
    if (!twin.bool || !twin.passes(spec.salt, rule)) continue;
    if (!twin.delegate(rule)) {
      add(rule.returnValue);
      hasGiven = true;
    } else if (!hasGiven && twin.value !== undefined) {
      add(twin.value);
      exposures = [...exposures, ...twin.exposures];
      twin.exposures = [];
      delegate = { ruleID: rule.id, allocated: twin.allocated, groupName: twin.groupName };
      hasGiven = true;
    }
  }
  add(spec.defaultValue);
  twin.bool = hasGiven;
  twin.value = Object.fromEntries(members);
  twin.exposures = exposures;
  twin.ruleID = delegate?.ruleID ?? 'default';
  twin.allocated = delegate?.allocated ?? null;
  twin.groupName = delegate?.groupName ?? null;
}
