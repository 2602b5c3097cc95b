import { isSameType, type JsonValue } from '@sluice/engine';
import type { Pin } from './pin.js';

/** Why an answer is what it is: the closed set of OpenFeature. */
export type ReasonWord = 'DEFAULT' | 'TARGETING_MATCH' | 'SPLIT' | 'DISABLED' | 'STATIC' | 'STALE' | 'ERROR';

/** Why there is no decision. */
export type ErrorCode = 'PROVIDER_NOT_READY' | 'FLAG_NOT_FOUND' | 'UNSUPPORTED' | 'GENERAL';

/** What every answer says of itself. */
export interface Answer {
  readonly name: string;
  /** The rule that decided; `default` or `disabled` where none did, empty where nothing was decided. */
  readonly ruleID: string;
  /** Experiment group. */
  readonly groupName: string | null;
  /** `STALE` when the ruleset was not known to be the newest for too long. */
  readonly reason: ReasonWord;
  /** Set when the reason is `ERROR`. */
  readonly errorCode: ErrorCode | undefined;
  /** The reference implementation's words, such as `Recognized`, or what went wrong. */
  readonly detail: string;
  /** Version of the entity. */
  readonly version: number | null;
  /** The ruleset that decided; 0 for none. */
  readonly revision: number;
  /** Milliseconds since that ruleset was last known to be the newest, as of now. Infinite where there is none. */
  readonly ageMs: number;
  readonly isStale: boolean;
}

export interface GateAnswer extends Answer {
  readonly value: boolean;
}

/** A JSON type without its literals: `get('size', 10)` is a number, not 10. Without a fallback, it is any JSON. */
export type Widened<T extends JsonValue> = T extends null
  ? JsonValue
  : T extends boolean
    ? boolean
    : T extends number
      ? number
      : T extends string
        ? string
        : T;

/** Reads single values by name. */
export interface Getter {
  /** The value of a parameter when it has the JSON type of the fallback, else the fallback; null takes any type. Never throws. */
  get<T extends JsonValue>(parameter: string, fallback: T): Widened<T>;
}

export interface ConfigAnswer extends Answer, Getter {
  /** Frozen, and shared between answers; empty where nothing was decided. */
  readonly value: Readonly<Record<string, JsonValue>>;
}

/** Reading a parameter is what counts as an exposure, of the experiment that decided it. */
export interface LayerAnswer extends ConfigAnswer {
  /** The experiment that decided, if one did. */
  readonly allocatedExperiment: string | null;
}

/** Parameters that take their values from elsewhere; reading one is an exposure of that. */
export interface ParameterStoreAnswer extends Getter {
  readonly name: string;
  readonly reason: ReasonWord;
  readonly errorCode: ErrorCode | undefined;
  readonly detail: string;
  readonly revision: number;
  readonly ageMs: number;
  readonly isStale: boolean;
}

/** Every answer for one user. */
export interface AllAnswers {
  readonly revision: number;
  readonly gates: ReadonlyMap<string, GateAnswer>;
  /** Configs and experiments. */
  readonly configs: ReadonlyMap<string, ConfigAnswer>;
  readonly layers: ReadonlyMap<string, LayerAnswer>;
}

/** What may be said with a question. */
export interface AskOptions {
  /** False: the answer is no exposure. */
  readonly exposure?: boolean | undefined;
  /** Decide by this revision, see `pin`; when it is not held, the answer is the default, and says so. */
  readonly pin?: Pin | undefined;
}

export const noValues: Readonly<Record<string, JsonValue>> = Object.freeze({});

/** The member when it has the JSON type of the fallback, else the fallback. */
export function typedMember<T extends JsonValue>(
  values: Readonly<Record<string, JsonValue>>,
  name: string,
  fallback: T,
): Widened<T> {
  return typed(memberOf(values, name), fallback);
}

/** Undefined when there is no such member. */
export function memberOf(values: Readonly<Record<string, JsonValue>>, name: string): JsonValue | undefined {
  return Object.hasOwn(values, name) ? values[name] : undefined;
}

export function typed<T extends JsonValue>(value: JsonValue | undefined, fallback: T): Widened<T> {
  return (fits(value, fallback) ? value : fallback) as Widened<T>;
}

/** Whether a caller with this fallback gets to see the value: it is there, and of the type; no fallback asks for no type. */
export function fits(value: JsonValue | undefined, fallback: JsonValue | undefined): value is JsonValue {
  if (value === undefined || value === null) return false;
  return fallback === undefined || fallback === null || isSameType(value, fallback);
}

/** The parts of an answer, as plain data for logs: what `JSON.stringify` makes of it. */
export function describeAnswer(answer: Answer & { readonly value: unknown }): Record<string, unknown> {
  const { name, value, ruleID, groupName, reason, errorCode, detail, version, revision, ageMs, isStale } = answer;
  return { name, value, ruleID, groupName, reason, errorCode, detail, version, revision, ageMs, isStale };
}
