import { type User as EngineUser, textOf, type UserValue } from '@sluice/engine';
import type { User, Value } from '@sluice/proto';

/** Attributes nested deeper than this are left out: ingestion refuses them. */
const depthMax = 16;

/** Attributes of a user, by name. */
export type Attributes = Readonly<Record<string, UserValue | undefined>>;

export interface WireUserOptions {
  readonly withPrivate: boolean;
  /** Attributes that every user has. */
  readonly globals?: Attributes | undefined;
}

/**
 * The wire form of a user. Never throws: what is not JSON, and what has the wrong type, is left
 * out, as callers in plain JavaScript may hand over anything.
 */
export function wireUser(user: EngineUser, options: WireUserOptions): User {
  return {
    userId: textOf(user.userID),
    customIds: textsOf(user.customIDs),
    email: textOf(user.email),
    ip: textOf(user.ip),
    userAgent: textOf(user.userAgent),
    country: textOf(user.country),
    locale: textOf(user.locale),
    appVersion: textOf(user.appVersion),
    custom: attributesOf(withGlobals(user.custom, options.globals)),
    privateAttributes: options.withPrivate ? attributesOf(user.privateAttributes) : {},
    environment: textsOf(user.statsigEnvironment),
  };
}

/** The user as it is now, without private attributes: callers may go on changing their object. */
export function copyUser(user: EngineUser): EngineUser {
  return {
    ...user,
    customIDs: user.customIDs && { ...user.customIDs },
    custom: user.custom && { ...user.custom },
    privateAttributes: undefined,
  };
}

/** A user's own attributes shadow those of the same name, and of the same name in capitals, as rules look them up. */
function withGlobals(own: Attributes | undefined, globals: Attributes | undefined): Attributes | undefined {
  if (globals === undefined) return own;
  const isOwn = (name: string): boolean => own !== undefined && Object.hasOwn(own, name) && own[name] !== undefined;
  const others = Object.entries(globals).filter(([name]) => !isOwn(name) && !isOwn(name.toLowerCase()));
  return { ...own, ...Object.fromEntries(others) };
}

function textsOf(record: Readonly<Record<string, unknown>> | undefined): Record<string, string> {
  const texts: Record<string, string> = {};
  for (const [name, value] of Object.entries(record ?? {})) {
    const text = textOf(value);
    if (text !== undefined) texts[name] = text;
  }
  return texts;
}

function attributesOf(attributes: Attributes | undefined): Record<string, Value> {
  const values: Record<string, Value> = {};
  for (const [name, value] of Object.entries(attributes ?? {})) {
    const wire = attributeOf(value);
    if (wire) values[name] = wire;
  }
  return values;
}

function attributeOf(value: unknown): Value | undefined {
  switch (typeof value) {
    case 'boolean':
      return { kind: { $case: 'boolValue', value } };
    case 'number':
      return Number.isFinite(value) ? { kind: { $case: 'numberValue', value } } : undefined;
    case 'string':
      return { kind: { $case: 'stringValue', value } };
    case 'object': {
      if (value === null) return { kind: undefined };
      const json = isShallow(value, depthMax) ? jsonOf(value) : undefined;
      return json === undefined ? undefined : { kind: { $case: 'json', value: json } };
    }
    default:
      return undefined;
  }
}

/** Undefined for what has no JSON text, such as an object that holds a bigint. */
export function jsonOf(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

/** Cycles are deep, too. */
function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((inner) => isShallow(inner, levels - 1));
}
