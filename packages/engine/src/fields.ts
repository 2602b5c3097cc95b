/** User attributes by name: the order in which the places of a user object are asked. */

import type { Call } from './call.js';
import { textOf } from './coerce.js';
import type { User } from './user.js';

/** Fields of the user object itself, in lower case. */
const ownFields = ['userid', 'email', 'ip', 'country', 'locale', 'appversion', 'useragent'] as const;
type OwnField = (typeof ownFields)[number];

/** Other spellings of them. */
const lateFields: Readonly<Record<string, OwnField>> = {
  user_id: 'userid',
  app_version: 'appversion',
  user_agent: 'useragent',
};

/** Where a field is looked for. */
export interface Field {
  /** Asked first, and only taken when it has a text that is not empty. */
  readonly own: OwnField | undefined;
  /** Asked last. */
  readonly late: OwnField | undefined;
  readonly name: string;
  readonly lowered: string;
  /** No object inherits a property of these names, so that what is there is the user's own. */
  readonly isPlain: boolean;
}

/** Where a field of this name is looked for. */
export function fieldNamed(name: string): Field {
  const lowered = name.toLowerCase();
  const own = ownFields.find((field) => field === lowered);
  const late = Object.hasOwn(lateFields, lowered) ? lateFields[lowered] : undefined;
  return { own, late, name, lowered, isPlain: !inheritedNames.has(name) && !inheritedNames.has(lowered) };
}

/** A user's value. Missing is undefined; null counts as present. */
export function readField(field: Field, call: Call): unknown {
  const user = call.user;
  if (field.own !== undefined) {
    const value = readOwn(user, field.own);
    if (typeof value === 'string' ? value !== '' : textOf(value)) return value;
  }
  let value = readAttribute(user.custom, field);
  if (value !== undefined) return value;
  value = readAttribute(call.context.globalCustomFields, field);
  if (value !== undefined) return value;
  value = readAttribute(user.privateAttributes, field);
  if (value !== undefined || field.late === undefined) return value;
  return readOwn(user, field.late);
}

function readOwn(user: User, field: OwnField): unknown {
  switch (field) {
    case 'userid':
      return user.userID;
    case 'email':
      return user.email;
    case 'ip':
      return user.ip;
    case 'country':
      return user.country;
    case 'locale':
      return user.locale;
    case 'appversion':
      return user.appVersion;
    case 'useragent':
      return user.userAgent;
  }
}

function readAttribute(attributes: User['custom'], { name, lowered, isPlain }: Field): unknown {
  if (attributes === undefined || attributes === null) return undefined;
  const value = attributes[name];
  if (value !== undefined && (isPlain || Object.hasOwn(attributes, name))) return value;
  if (name === lowered) return undefined;
  const loweredValue = attributes[lowered];
  return loweredValue !== undefined && (isPlain || Object.hasOwn(attributes, lowered)) ? loweredValue : undefined;
}

const inheritedNames: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype));
