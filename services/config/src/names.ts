import { invalid } from '@sluice/mesh';
import type { SetRef } from '@sluice/proto';
import { conflictOf, difference, shown } from './both-sides.js';

const plainName = /^[a-z0-9][a-z0-9-]{0,63}$/;
const rule = 'must be 1 to 64 lower-case letters, digits and dashes, and start with a letter or digit';

/** Names of projects and environments become parts of subjects and file names. @throws SluiceError `invalid`. */
export function checkProjectName(field: string, name: string): void {
  if (!plainName.test(name)) throw invalid(field, `is ${JSON.stringify(name.slice(0, 80))}; it ${rule}`);
}

export function checkSetName(set: SetRef): void {
  checkProjectName('set.project', set.project);
  checkProjectName('set.environment', set.environment);
}

export const longestName = 512;
export const longestIdType = 64;

/** The id type of a list or an override. */
export function checkIdType(field: string, idType: string): void {
  if (idType.length <= longestIdType) return;
  throw invalid(field, `has ${idType.length} characters; the limit is ${longestIdType}`);
}

const longestReason = 1_000;

export function checkReason(reason: string): void {
  if (reason.length > longestReason) throw invalid('reason', `must be at most ${longestReason} characters`);
}

/** One text for a set, as in `storefront/production`. */
export function setKey(set: SetRef): string {
  return `${set.project}/${set.environment}`;
}

const longestDescription = 1_000;

export function checkDescription(description: string): void {
  if (description.length <= longestDescription) return;
  throw invalid('description', `has ${description.length} characters; the limit is ${longestDescription}`);
}

/** What counts its changes and says who made the last one. */
interface Versioned {
  readonly version: number;
  readonly changedBy?: string;
  /** Unix milliseconds. */
  readonly changedAtMs?: number;
}

/** Texts of something, as the caller would have them and as they are stored. */
type Sides = Readonly<Record<string, readonly [yours: string, stored: string]>>;

/** @throws SluiceError `conflict` with both sides when something is not at the version that the caller looked at. */
export function checkVersion(
  what: string,
  { version, changedBy, changedAtMs }: Versioned,
  expected: number | undefined,
  sides: Sides = {},
): void {
  if (expected === undefined || expected === version) return;
  const who = changedBy ? `${JSON.stringify(changedBy)} changed it` : 'somebody changed it';
  const when = changedAtMs ? ` at ${new Date(changedAtMs).toISOString()}` : '';
  const quote = (text: string): string => JSON.stringify(shorten(text));
  const differences = Object.entries(sides)
    .filter(([, [yours, stored]]) => yours !== stored)
    .map(([field, [yours, stored]]) => difference(field, quote(yours), quote(stored)));
  throw conflictOf('expected_version', `${what} is at version ${version}, not ${expected}: ${who}${when}`, differences);
}

const shorten = (text: string): string => (text.length > shown.textMax ? `${text.slice(0, shown.textMax)}…` : text);
