/** Specs and rules, compiled: references are slots, values are parsed, salts are digested on first use. */
import type { Call } from './call.js';
import type { Names } from './names.js';
import type { Plan } from './plan.js';
import type { Rule, Spec } from './ruleset.js';
import { UnitBucket, type UnitSource } from './sources.js';
import { type Value, valueOfText } from './value.js';

export class CompiledRule {
  readonly authored: Rule;
  readonly conditions: readonly number[];
  readonly value: Value;
  /** The config that decides instead; -1 for none. */
  readonly delegateSlot: number;
  readonly unit: UnitSource;
  /** Buckets, of 10,000, below this pass. */
  readonly threshold: number;
  #bucket: UnitBucket | undefined;
  #specSalt: string | undefined;

  constructor(rule: Rule, names: Names) {
    this.authored = rule;
    this.conditions = rule.conditions.map((id) => names.conditions.take(id));
    this.value = valueOfText(rule.returnValue);
    this.delegateSlot = rule.configDelegate === undefined ? -1 : names.configs.take(rule.configDelegate);
    this.unit = names.unit(rule.idType);
    this.threshold = rule.passPercentage * 100;
  }

  /** The unit's bucket, of 10,000, under `<spec salt>.<rule salt>.`; only rules of mappings see several spec salts. */
  bucket(specSalt: string, call: Call): number {
    return this.bucketUnder(specSalt).read(call);
  }

  bucketUnder(specSalt: string): UnitBucket {
    if (this.#bucket === undefined || this.#specSalt !== specSalt) {
      const salt = this.authored.salt ?? this.authored.id;
      this.#bucket = new UnitBucket(`${specSalt}.${salt}.`, this.unit, 10_000);
      this.#specSalt = specSalt;
    }
    return this.#bucket;
  }
}

export class CompiledSpec {
  readonly authored: Spec;
  readonly rules: readonly CompiledRule[];
  readonly defaultValue: Value;
  /** How it is decided, as its own kind and as an experiment; made when it is first asked for. */
  plan: Plan | undefined = undefined;
  experimentPlan: Plan | undefined = undefined;

  constructor(spec: Spec, names: Names) {
    this.authored = spec;
    this.rules = spec.rules.map((rule) => new CompiledRule(rule, names));
    this.defaultValue = valueOfText(spec.defaultValue);
  }
}
