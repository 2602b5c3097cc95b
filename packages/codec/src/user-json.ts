import { numberText } from '@sluice/engine';
import type { Value, User as WireUser } from '@sluice/proto';
import { attributeDepthMax, isShallow, tooDeep, UserError } from './user.js';

type JsonObject = Readonly<Record<string, unknown>>;

/** Text fields by their name in JSON. */
const textFields = {
  userID: 'userId',
  email: 'email',
  ip: 'ip',
  userAgent: 'userAgent',
  country: 'country',
  locale: 'locale',
  appVersion: 'appVersion',
} as const satisfies Record<string, keyof WireUser>;

const fieldNames = [...Object.keys(textFields), 'customIDs', 'custom', 'privateAttributes', 'statsigEnvironment'];

/**
 * A wire user from JSON such as `{"userID":"a-user","customIDs":{"companyID":7},"custom":{"plan":"pro"}}`,
 * given as text or parsed. Null counts as absent.
 * @throws UserError naming the field, such as `user.customIDs.companyID: must be a string or a number`.
 */
export function userFromJson(json: unknown): WireUser {
  const parsed = typeof json === 'string' ? parseText(json) : json;
  const fields = objectAt('user', parsed, 'must be a JSON object, such as {"userID":"a-user"}');
  for (const name of Object.keys(fields)) if (!fieldNames.includes(name)) throw unknownField(name);
  const user: WireUser = {
    customIds: entriesOf('user.customIDs', fields.customIDs, idText),
    custom: entriesOf('user.custom', fields.custom, attributeOf),
    privateAttributes: entriesOf('user.privateAttributes', fields.privateAttributes, attributeOf),
    environment: entriesOf('user.statsigEnvironment', fields.statsigEnvironment, text),
  };
  for (const [name, wireName] of Object.entries(textFields)) {
    const value = fields[name];
    if (value !== undefined && value !== null) user[wireName] = text(`user.${name}`, value);
  }
  return user;
}

function parseText(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch (error) {
    throw new UserError('user', `is not JSON: ${(error as Error).message}; write it like {"userID":"a-user"}`);
  }
}

function unknownField(name: string): UserError {
  const flat = (text: string): string => text.toLowerCase().replaceAll(/[^a-z]/g, '');
  const meant = fieldNames.find((field) => flat(field) === flat(name));
  const hint = meant
    ? `did you mean ${meant}?`
    : `put attributes of your own under custom; known are ${fieldNames.join(', ')}`;
  return new UserError(`user.${name}`, `is not a field of users; ${hint}`);
}

function objectAt(field: string, value: unknown, message = 'must be a JSON object'): JsonObject {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject;
  throw new UserError(field, message);
}

function entriesOf<Result>(
  path: string,
  value: unknown,
  read: (field: string, value: unknown) => Result,
): Record<string, Result> {
  if (value === undefined || value === null) return {};
  const entries = Object.entries(objectAt(path, value));
  return Object.fromEntries(entries.map(([name, inner]) => [name, read(`${path}.${name}`, inner)]));
}

function text(field: string, value: unknown): string {
  if (typeof value === 'string') return value;
  throw new UserError(field, 'must be a string');
}

function idText(field: string, value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return numberText(value);
  throw new UserError(field, 'must be a string or a number');
}

function attributeOf(field: string, value: unknown): Value {
  switch (typeof value) {
    case 'boolean':
      return { kind: { $case: 'boolValue', value } };
    case 'number':
      return { kind: { $case: 'numberValue', value } };
    case 'string':
      return { kind: { $case: 'stringValue', value } };
    case 'object':
      if (value === null) return { kind: undefined };
      if (!isShallow(value, attributeDepthMax)) throw tooDeep(field);
      return { kind: { $case: 'json', value: JSON.stringify(value) } };
    default:
      throw new UserError(field, 'must be a JSON value');
  }
}
