/** What a client response says about the user. */
import { djb2 } from '../bucket.js';
import { textOf } from '../coerce.js';
import type { Context } from '../context.js';
import type { Program } from '../program.js';
import type { User } from '../user.js';
import type { JsonObject } from './tables.js';

/** The user as events show it: no private attributes, and the environment that holds. */
export function loggedUser(program: Program, user: User, context: Context): JsonObject {
  const { privateAttributes, statsigEnvironment, custom, ...shown } = user;
  const tier = program.ruleset.defaultEnvironment;
  const shared = context.environment ?? (tier === undefined ? undefined : { tier });
  const globals = context.globalCustomFields;
  const hasGlobals = globals !== undefined && Object.keys(globals).length > 0;
  const attributes = hasGlobals ? { ...globals, ...custom } : custom;
  try {
    return JSON.parse(
      JSON.stringify({ ...shown, custom: attributes, statsigEnvironment: statsigEnvironment ?? shared }),
    );
  } catch {
    // An attribute that is no JSON, such as a circle: the ids are what matters.
    return evaluatedKeys(user);
  }
}

/** The ids that were decided for, as texts; empty ones are left out. */
export function evaluatedKeys(user: User): JsonObject {
  const keys: JsonObject = {};
  const userID = textOf(user.userID);
  if (userID !== undefined && userID !== '') keys.userID = userID;
  const ids = Object.entries(user.customIDs ?? {}).map(([name, id]) => [name, textOf(id) ?? '']);
  if (ids.length > 0) keys.customIDs = Object.fromEntries(ids);
  return keys;
}

/**
 * `pa_hash`, when there are private attributes: the sum of djb2 of each `name:text`, so that their order does
 * not matter. Attributes without a text, such as objects, count by their names.
 */
export function privateAttributesHash(user: User): JsonObject {
  const attributes = Object.entries(user.privateAttributes ?? {});
  if (attributes.length === 0) return {};
  let sum = 0;
  for (const [name, value] of attributes) sum = (sum + Number(djb2(`${name}:${textOf(value) ?? ''}`))) >>> 0;
  return { pa_hash: String(sum) };
}
