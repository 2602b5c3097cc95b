/**
 * A deliberately plain evaluator, written from the rule book: no compilation, no memory but the one that the
 * rule book asks for, BigInt and the platform's hash. It guards the fast one where the reference is not at
 * hand.
 */
import { type Context, parseUserAgent } from '@sluice/engine';
import type { ConditionData, DocumentData, Json, RuleData, SpecData } from './document.js';
import { compare } from './twin-operators.js';
import { isBandit, isForced, isMapped, mergeLayer } from './twin-rarer.js';
import { hash, timeViews, type Views, views } from './twin-values.js';
import type { UserData } from './users.js';

export type TwinKind = 'gate' | 'config' | 'experiment' | 'layer';
type Lists = ReadonlyMap<string, { has(key: string): boolean }>;

export class TooDeep extends Error {}

/** What the twin answers. */
export interface TwinAnswer {
  readonly bool: boolean;
  readonly value: Json | undefined;
  readonly ruleID: string;
  readonly groupName: string | null;
  readonly reason: string;
  readonly exposures: readonly string[];
  readonly allocated: string | null;
}

export function answerByTwin(
  document: DocumentData,
  kind: TwinKind,
  name: string,
  user: UserData,
  context: Context,
  lists: Lists,
): TwinAnswer {
  return askTwin(new Twin(document, user, context, lists), kind, name);
}

function askTwin(twin: Twin, kind: TwinKind, name: string): TwinAnswer {
  try {
    const isKnown = twin.evaluate(kind, name);
    return twin.answer(
      !isKnown ? 'Unrecognized' : (twin.override ?? (twin.isUnsupported ? 'Unsupported' : 'Recognized')),
    );
  } catch (error) {
    if (!(error instanceof TooDeep)) throw error;
    twin.reset();
    return twin.answer('Error:Statsig Evaluation Depth Exceeded');
  }
}

export class Twin {
  bool = false;
  value: Json | undefined;
  ruleID = '';
  suffix = '';
  groupName: string | null = null;
  exposures: string[] = [];
  isUnsupported = false;
  override: string | undefined;
  allocated: string | null = null;
  depth = 0;
  readonly memo = new Map<string, { bool: boolean; ruleID: string; exposures: string[] }>();
  /** Groups of experiments that conditions have asked for. */
  groups = new Map<string, string | undefined>();

  readonly document: DocumentData;
  readonly user: UserData;
  readonly context: Context;
  readonly lists: Lists;

  constructor(document: DocumentData, user: UserData, context: Context, lists: Lists) {
    this.document = document;
    this.user = user;
    this.context = context;
    this.lists = lists;
  }

  answer(reason: string): TwinAnswer {
    const { bool, value, groupName, exposures, allocated } = this;
    return { bool, value, ruleID: this.ruleID + this.suffix, groupName, reason, exposures, allocated };
  }

  spec(kind: TwinKind, name: string): SpecData | undefined {
    const { feature_gates: gates, dynamic_configs: configs, layer_configs: layers } = this.document;
    const section = { gate: gates, config: configs, experiment: configs, layer: layers }[kind];
    return Object.hasOwn(section, name) ? section[name] : undefined;
  }

  evaluate(kind: TwinKind, name: string): boolean {
    if (isForced(this, kind, name) || isMapped(this, kind, name)) return true;
    if (kind === 'experiment' && isBandit(this, name)) return true;
    const spec = this.spec(kind, name);
    if (spec === undefined) return false;
    if (kind === 'layer' && spec.useNewLayerEval === true) {
      mergeLayer(this, spec);
      return true;
    }
    for (const rule of spec.rules) {
      this.matchRule(rule);
      if (this.isUnsupported) return true;
      if (!this.bool) continue;
      if (this.delegate(rule)) return this.finish();
      this.settle(spec, rule);
      return this.finish();
    }
    this.bool = spec.defaultValue === true;
    this.value = spec.defaultValue;
    this.ruleID = spec.enabled ? 'default' : 'disabled';
    return this.finish();
  }

  private finish(): boolean {
    if (this.depth > 0) this.depth--;
    return true;
  }

  private settle(spec: SpecData, rule: RuleData): void {
    const passes = this.passes(spec.salt, rule);
    this.value = passes ? rule.returnValue : spec.defaultValue;
    this.bool = passes ? rule.returnValue !== false : spec.defaultValue === true;
    this.ruleID = rule.id;
    this.groupName = rule.groupName ?? null;
  }

  passes(salt: string, rule: RuleData): boolean {
    if (rule.passPercentage === 100) return true;
    if (rule.passPercentage === 0) return false;
    const text = `${salt}.${rule.salt ?? rule.id}.${this.unit(rule.idType).text ?? ''}`;
    return Number(hash(text) % 10_000n) < rule.passPercentage * 100;
  }

  delegate(rule: RuleData): boolean {
    const name = rule.configDelegate;
    if (name === undefined || this.spec('config', name) === undefined) return false;
    this.deepen();
    this.bool = false;
    this.value = undefined;
    this.evaluate('experiment', name);
    this.allocated = name;
    return true;
  }

  /** Everything but what is remembered about the user. */
  reset(): void {
    this.bool = false;
    this.value = undefined;
    this.ruleID = '';
    this.suffix = '';
    this.groupName = null;
    this.exposures = [];
    this.isUnsupported = false;
    this.override = undefined;
    this.allocated = null;
    this.depth = 0;
  }

  private deepen(): void {
    this.depth++;
    if (this.depth > 300) throw new TooDeep();
  }

  matchRule(rule: RuleData): void {
    let all = true;
    for (const id of rule.conditions) {
      const condition = Object.hasOwn(this.document.condition_map, id) ? this.document.condition_map[id] : undefined;
      if (condition === undefined) {
        this.isUnsupported = true;
        return;
      }
      this.matchCondition(condition);
      if (!this.bool) all = false;
    }
    this.bool = all;
  }

  private matchCondition(condition: ConditionData): void {
    if (condition.type === 'public') {
      this.bool = true;
      return;
    }
    if (condition.type === 'pass_gate' || condition.type === 'fail_gate') {
      const isDecided = this.askGate(typeof condition.targetValue === 'string' ? condition.targetValue : '');
      if (condition.type === 'fail_gate' && isDecided) this.bool = !this.bool;
      return;
    }
    const value = condition.type === 'experiment_group' ? views(this.groupIn(condition.field)) : this.read(condition);
    const outcome =
      value === undefined || typeof condition.operator !== 'string'
        ? undefined
        : compare(condition.operator, value, condition.targetValue, this.lists);
    if (outcome === undefined) this.isUnsupported = true;
    else this.bool = outcome;
  }

  /** Decided by a call of its own; an experiment that asks for its own group has none. */
  private groupIn(experiment: string | null | undefined): string | undefined {
    if (experiment === null || experiment === undefined) return undefined;
    if (this.groups.has(experiment)) return this.groups.get(experiment);
    this.groups.set(experiment, undefined);
    const twin = new Twin(this.document, this.user, this.context, this.lists);
    twin.groups = this.groups;
    const { groupName } = askTwin(twin, 'experiment', experiment);
    this.groups.set(experiment, groupName ?? undefined);
    return groupName ?? undefined;
  }

  /** As bandits ask: nothing is remembered, and unknown gates are exposed as well. */
  askAlone(name: string): boolean {
    const outer = this.exposures;
    try {
      this.deepen();
      this.bool = false;
      this.value = undefined;
      this.exposures = [];
      this.evaluate('gate', name);
      this.exposures = [...outer, ...this.exposures];
    } catch (error) {
      if (!(error instanceof TooDeep)) throw error;
      this.bool = false;
    }
    if (!name.startsWith('segment:')) this.exposures.push(`${name}:${this.bool}:${this.ruleID}`);
    return this.bool;
  }

  private askGate(name: string): boolean {
    const known = this.memo.get(name);
    if (known !== undefined) {
      this.bool = known.bool;
      this.ruleID = known.ruleID;
      this.exposures = [...this.exposures, ...known.exposures];
    } else {
      this.deepen();
      this.bool = false;
      this.value = undefined;
      const outer = this.exposures;
      this.exposures = [];
      this.evaluate('gate', name);
      if (this.isUnsupported) return false;
      if (name !== '') this.memo.set(name, { bool: this.bool, ruleID: this.ruleID, exposures: this.exposures });
      this.exposures = [...outer, ...this.exposures];
    }
    if (!name.startsWith('segment:') && this.ruleID !== '') this.exposures.push(`${name}:${this.bool}:${this.ruleID}`);
    return true;
  }

  /** The value that a condition compares; undefined for a type that is not supported. */
  private read(condition: ConditionData): Views | undefined {
    const field = condition.field ?? '';
    switch (condition.type) {
      case 'user_field':
        return views(condition.field === null ? undefined : this.field(field));
      case 'ua_based':
        return views(this.field(field) === undefined ? this.agent(field) : this.field(field));
      case 'ip_based':
        return views(this.field(field) === undefined ? this.country(field) : this.field(field));
      case 'environment_field':
        return views(this.environment(field));
      case 'current_time':
        return timeViews(this.context.now);
      case 'user_bucket':
        return views(
          Number(hash(`${condition.additionalValues?.salt ?? ''}.${this.unit(condition.idType).text ?? ''}`) % 1000n),
        );
      case 'unit_id':
        return this.unit(condition.idType);
      case 'target_app':
        return views(this.document.app_id);
      default:
        return undefined;
    }
  }

  unit(idType: string): Views {
    if (idType.toLowerCase() === 'userid') return views(this.user.userID);
    const ids = this.user.customIDs ?? {};
    if (Object.hasOwn(ids, idType)) return views(ids[idType]);
    return views(Object.hasOwn(ids, idType.toLowerCase()) ? ids[idType.toLowerCase()] : undefined);
  }

  field(name: string): unknown {
    const key = name.toLowerCase();
    const { userID, email, ip, country, locale, appVersion, userAgent } = this.user;
    const own = new Map(
      Object.entries({ userid: userID, email, ip, country, locale, appversion: appVersion, useragent: userAgent }),
    );
    if (own.get(key)) return own.get(key);
    for (const attributes of [this.user.custom, this.context.globalCustomFields, this.user.privateAttributes]) {
      for (const spelling of [name, key]) {
        if (attributes !== undefined && Object.hasOwn(attributes, spelling)) return attributes[spelling];
      }
    }
    return new Map(Object.entries({ user_id: userID, app_version: appVersion, user_agent: userAgent })).get(key);
  }

  private agent(field: string): string | undefined {
    const text = views(this.field('userAgent')).text;
    const agent = text === undefined ? undefined : parseUserAgent(text);
    const key = field.toLowerCase().replace('_', '');
    const parts = {
      osname: agent?.osName,
      osversion: agent?.osVersion,
      browsername: agent?.browserName,
      browserversion: agent?.browserVersion,
    };
    return new Map(Object.entries(parts)).get(key);
  }

  private country(field: string): string | undefined {
    const parts = (views(this.field('ip')).text ?? '').split('.');
    if (field !== 'country' || parts.length !== 4) return undefined;
    if (this.context.countries === undefined) {
      this.override = 'CountryLookupNotLoaded:Recognized';
      return undefined;
    }
    if (!parts.every((part) => /^[+-]?\d+$/.test(part))) return undefined;
    const number = parts.map(Number).reduce((sum, part) => sum * 256 + part, 0);
    return number >= 0 && number < 2 ** 32 ? this.context.countries.lookup(number) : undefined;
  }

  private environment(field: string): string | undefined {
    const own = this.user.statsigEnvironment;
    if (own !== undefined && Object.hasOwn(own, field)) return own[field];
    const shared = this.context.environment ?? { tier: this.document.default_environment };
    if (Object.hasOwn(shared, field)) return shared[field];
    return Object.hasOwn(shared, field.toLowerCase()) ? shared[field.toLowerCase()] : undefined;
  }
}
