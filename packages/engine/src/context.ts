import type { CountryTable } from './country.js';
import type { JsonText } from './ruleset.js';
import type { UserValue } from './user.js';

/** A forced answer: for one unit id when `id` is given, else for everybody. */
export interface LocalOverride<Value> {
  readonly value: Value;
  readonly id?: string | undefined;
}

/** The forced answer of an experiment: a value, or the value of the group of this name. */
export type ExperimentOverride = LocalOverride<Readonly<Record<string, UserValue>>> | GroupOverride;

/** Forces the value of the first rule with this group name. */
export interface GroupOverride {
  readonly groupName: string;
  readonly id?: string | undefined;
}

/** Answers forced by the caller, by entity name. Per name: those for an id first, then the one for everybody. */
export interface LocalOverrides {
  readonly gates?: ReadonlyMap<string, readonly LocalOverride<boolean>[]>;
  readonly configs?: ReadonlyMap<string, readonly LocalOverride<Readonly<Record<string, UserValue>>>[]>;
  readonly experiments?: ReadonlyMap<string, readonly ExperimentOverride[]>;
  readonly layers?: ReadonlyMap<string, readonly LocalOverride<Readonly<Record<string, UserValue>>>[]>;
}

/** Everything outside the user and the ruleset that an answer may depend on. */
export interface Context {
  /** Unix milliseconds; the engine has no clock. */
  readonly now: number;
  /** The evaluator's environment, such as `{ tier: 'production' }`. Unset: the ruleset's default environment. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** Attributes that hold for every user of this evaluator. */
  readonly globalCustomFields?: Readonly<Record<string, UserValue | undefined>> | undefined;
  /** In [0, 1): the random number for the exploring part of a bandit; 0 when left out. */
  readonly random?: number | undefined;
  /** Country by IP address. Unset: country rules report that the table is not loaded. */
  readonly countries?: CountryTable | undefined;
  readonly localOverrides?: LocalOverrides | undefined;
  /** Replaces the ruleset's `app_id`. */
  readonly appId?: JsonText | undefined;
}
