import type { Member } from './roster.js';

/** What is kept on disk of a member: enough to go on asking it, and to know what it was, after a restart. */
export type SavedMember = Pick<Member, (typeof savedFields)[number]>;

const savedFields = [
  'service',
  'instance',
  'region',
  'address',
  'isListed',
  'hasServed',
  'hasCrashed',
  'joinedAtMs',
  'silentSinceMs',
] as const;

export function savedOf(member: Member): SavedMember {
  return Object.fromEntries(savedFields.map((field) => [field, member[field]])) as SavedMember;
}
