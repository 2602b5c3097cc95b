import { invalid } from '@sluice/mesh';
import type { SetRef } from '@sluice/proto';

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

const longestReason = 1_000;

export function checkReason(reason: string): void {
  if (reason.length > longestReason) throw invalid('reason', `must be at most ${longestReason} characters`);
}

/** One text for a set, as in `storefront/production`. */
export function setKey(set: SetRef): string {
  return `${set.project}/${set.environment}`;
}
