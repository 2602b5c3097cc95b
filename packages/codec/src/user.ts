import type { User, UserValue } from '@sluice/engine';
import type { Value, User as WireUser } from '@sluice/proto';

/** A user can't be used. The message starts with the field, such as `user.custom.tags: …`. */
export class UserError extends Error {
  readonly field: string;
  /** What is wrong and what to do, without the field. */
  readonly problem: string;

  constructor(field: string, problem: string) {
    super(`${field}: ${problem}`);
    this.name = 'UserError';
    this.field = field;
    this.problem = problem;
  }
}

/** Deeper attributes are refused, so that walking over them is bounded. */
export const attributeDepthMax = 16;

/**
 * The engine's form of a user. Empty maps become absent: the engine need not look into them.
 * @throws UserError when an attribute's JSON text can't be read.
 */
export function userFromWire(user: WireUser): User {
  return {
    userID: user.userId,
    customIDs: isEmpty(user.customIds) ? undefined : user.customIds,
    email: user.email,
    ip: user.ip,
    userAgent: user.userAgent,
    country: user.country,
    locale: user.locale,
    appVersion: user.appVersion,
    custom: attributesFromWire('user.custom', user.custom),
    privateAttributes: attributesFromWire('user.privateAttributes', user.privateAttributes),
    statsigEnvironment: isEmpty(user.environment) ? undefined : user.environment,
  };
}

function isEmpty(record: object): boolean {
  for (const _ in record) return false;
  return true;
}

function attributesFromWire(path: string, attributes: Readonly<Record<string, Value>>): User['custom'] {
  let result: Record<string, UserValue> | undefined;
  for (const name in attributes) {
    const value = attributes[name];
    result ??= {};
    result[name] = value ? valueFromWire(path, name, value) : null;
  }
  return result;
}

function valueFromWire(path: string, name: string, { kind }: Value): UserValue {
  if (kind === undefined) return null;
  if (kind.$case !== 'json') return kind.value;
  const field = `${path}.${name}`;
  const value = parseJson(field, kind.value);
  if (!isShallow(value, attributeDepthMax)) throw tooDeep(field);
  return value as UserValue;
}

function parseJson(field: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UserError(field, `is not JSON text: ${(error as Error).message}`);
  }
}

export function tooDeep(field: string): UserError {
  return new UserError(field, `is nested more than ${attributeDepthMax} levels deep; flatten it`);
}

/** Whether a JSON value has at most so many levels of arrays and objects. */
export function isShallow(value: unknown, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  return levels > 0 && Object.values(value).every((inner) => isShallow(inner, levels - 1));
}

/** The unit's id of an id type, as bucketing looks it up; empty where the user has none. */
export function unitIdOf(user: WireUser, idType: string): string {
  const lower = idType.toLowerCase();
  if (lower === 'userid') return user.userId ?? '';
  return ownText(user.customIds, idType) ?? ownText(user.customIds, lower) ?? '';
}

function ownText(record: Readonly<Record<string, string>>, name: string): string | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
