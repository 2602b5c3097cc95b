import type { JsonValue, User } from '@sluice/engine';

/** What is wrong with a line, with the field's path. */
export class LineError extends Error {
  override readonly name = 'LineError';
}

const textFields = ['userID', 'email', 'ip', 'userAgent', 'country', 'locale', 'appVersion'] as const;

type JsonObject = Readonly<Record<string, JsonValue>>;

const decoder = new TextDecoder('utf-8', { fatal: true });

/**
 * The user on a line of JSON; undefined for an empty line. Takes what the reference's own API
 * takes: fields that it does not know are ignored, and null is absent.
 * @throws LineError
 */
export function readUserLine(bytes: Uint8Array): User | undefined {
  const text = textOf(bytes);
  if (text.trim() === '') return undefined;
  const fields = objectAt('the line', parse(text));
  if (fields === undefined) throw new LineError('the line must be a JSON object, such as {"userID":"a-user"}');
  const user: { -readonly [Name in keyof User]: User[Name] } = {
    customIDs: idsOf(fields.customIDs),
    custom: objectAt('custom', fields.custom),
    privateAttributes: objectAt('privateAttributes', fields.privateAttributes),
    statsigEnvironment: environmentOf(fields.statsigEnvironment),
  };
  for (const name of textFields) {
    const value = fields[name] ?? undefined;
    if (value !== undefined && typeof value !== 'string') throw new LineError(`${name}: must be a string`);
    user[name] = value;
  }
  if (user.userID === undefined && user.customIDs === undefined) user.userID = '';
  return user;
}

function textOf(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new LineError('is not UTF-8 text');
  }
}

function parse(text: string): JsonValue {
  try {
    return JSON.parse(text) as JsonValue;
  } catch (error) {
    throw new LineError(`is not JSON: ${(error as Error).message}`);
  }
}

function objectAt(field: string, value: JsonValue | undefined): JsonObject | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'object' && !Array.isArray(value)) return value as JsonObject;
  throw new LineError(`${field}: must be a JSON object`);
}

function idsOf(value: JsonValue | undefined): Record<string, string | number> | undefined {
  const ids = objectAt('customIDs', value);
  if (ids === undefined) return undefined;
  return entriesOf(ids, (name, id) => {
    if (typeof id === 'string' || typeof id === 'number') return id;
    throw new LineError(`customIDs.${name}: must be a string or a number`);
  });
}

function environmentOf(value: JsonValue | undefined): Record<string, string> | undefined {
  const environment = objectAt('statsigEnvironment', value);
  if (environment === undefined) return undefined;
  return entriesOf(environment, (name, text) => {
    if (typeof text === 'string') return text;
    throw new LineError(`statsigEnvironment.${name}: must be a string`);
  });
}

/** Null counts as absent. */
function entriesOf<Value>(object: JsonObject, read: (name: string, value: JsonValue) => Value): Record<string, Value> {
  const present = Object.entries(object).filter(([, value]) => value !== null);
  return Object.fromEntries(present.map(([name, value]) => [name, read(name, value)]));
}
