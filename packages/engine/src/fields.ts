/** User attributes by name: the order in which the places of a user object are asked. */
import { textOf } from './coerce.js';
import type { Evaluation } from './evaluation.js';
import type { User } from './user.js';

type Reader = (user: User) => unknown;

/** Fields of the user object itself, asked first, and only when they have a text that is not empty. */
const ownFields: Readonly<Record<string, Reader>> = {
  userid: (user) => user.userID,
  email: (user) => user.email,
  ip: (user) => user.ip,
  country: (user) => user.country,
  locale: (user) => user.locale,
  appversion: (user) => user.appVersion,
  useragent: (user) => user.userAgent,
};

/** Other spellings, asked last. */
const lateFields: Readonly<Record<string, Reader>> = {
  user_id: (user) => user.userID,
  app_version: (user) => user.appVersion,
  user_agent: (user) => user.userAgent,
};

/** How to look a field up in users. Missing is undefined; null counts as present. */
export function readField(field: string): (evaluation: Evaluation) => unknown {
  const lowered = field.toLowerCase();
  const own = Object.hasOwn(ownFields, lowered) ? ownFields[lowered] : undefined;
  const late = Object.hasOwn(lateFields, lowered) ? lateFields[lowered] : undefined;
  const isPlain = !inheritedNames.has(field) && !inheritedNames.has(lowered);
  return (evaluation) => {
    const user = evaluation.user;
    if (own !== undefined) {
      const value = own(user);
      if (typeof value === 'string' ? value !== '' : textOf(value)) return value;
    }
    let value = readAttribute(user.custom, field, lowered, isPlain);
    if (value !== undefined) return value;
    value = readAttribute(evaluation.context.globalCustomFields, field, lowered, isPlain);
    if (value !== undefined) return value;
    value = readAttribute(user.privateAttributes, field, lowered, isPlain);
    if (value !== undefined || late === undefined) return value;
    return late(user);
  };
}

/** `isPlain`: no object inherits a property of these names, so that what is there is the user's own. */
function readAttribute(attributes: User['custom'], field: string, lowered: string, isPlain: boolean): unknown {
  if (attributes === undefined || attributes === null) return undefined;
  const value = attributes[field];
  if (value !== undefined && (isPlain || Object.hasOwn(attributes, field))) return value;
  if (field === lowered) return undefined;
  const loweredValue = attributes[lowered];
  return loweredValue !== undefined && (isPlain || Object.hasOwn(attributes, lowered)) ? loweredValue : undefined;
}

const inheritedNames: ReadonlySet<string> = new Set(Object.getOwnPropertyNames(Object.prototype));
