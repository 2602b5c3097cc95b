import type { EvaluationContext } from '@openfeature/server-sdk';
import type { User, UserValue } from '@sluice/engine';

const textFields = ['email', 'ip', 'userAgent', 'country', 'locale', 'appVersion'] as const;
const objectFields = ['customIDs', 'custom', 'privateAttributes', 'statsigEnvironment'] as const;

type Attributes = Readonly<Record<string, UserValue | undefined>>;

/**
 * The user of an evaluation context: `targetingKey` is the user id; `email`, `ip`, `userAgent`,
 * `country`, `locale`, `appVersion`, and the objects `customIDs`, `custom`, `privateAttributes` and
 * `statsigEnvironment` are what they are called; everything else is a custom attribute. Dates become ISO texts.
 */
export function userOf({ targetingKey, userID, ...attributes }: EvaluationContext): User {
  const user: Record<string, unknown> = { userID: targetingKey ?? userID };
  const custom: Record<string, UserValue | undefined> = {};
  for (const [name, value] of Object.entries(attributes)) {
    const isText = typeof value === 'string' && (textFields as readonly string[]).includes(name);
    const isObject = isPlain(value) && (objectFields as readonly string[]).includes(name);
    if (isText || isObject) user[name] = value;
    else custom[name] = value instanceof Date ? value.toISOString() : (value as UserValue);
  }
  return { ...user, custom: { ...custom, ...(user.custom as Attributes | undefined) } };
}

function isPlain(value: unknown): value is Attributes {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Date);
}
