/** JSON, as user attributes and config values hold it. */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** A value of a user attribute. Anything that is not JSON (NaN, functions, …) counts as missing. */
export type UserValue = JsonValue;

/** The unit that is decided for, with everything that rules may look at. */
export interface User {
  readonly userID?: string | undefined;
  readonly customIDs?: Readonly<Record<string, string | number>> | undefined;
  readonly email?: string | undefined;
  readonly ip?: string | undefined;
  readonly userAgent?: string | undefined;
  readonly country?: string | undefined;
  readonly locale?: string | undefined;
  readonly appVersion?: string | undefined;
  readonly custom?: Readonly<Record<string, UserValue | undefined>> | undefined;
  /** Read by rules like `custom`, but never part of an exposure or an event. */
  readonly privateAttributes?: Readonly<Record<string, UserValue | undefined>> | undefined;
  /** Wins over the environment of the context, key by key. */
  readonly statsigEnvironment?: Readonly<Record<string, string | undefined>> | undefined;
}
