import { covers, digestOf, invalid } from '@sluice/mesh';
import type { Transaction } from '@sluice/postgres';
import { ArchiveState, type Entity, KeyClass, type KeyGrant, type SetRef } from '@sluice/proto';
import { createKey, listKeys, lockKeys } from './key-store.js';
import { keysChannel, notify } from './outbox.js';
import { makeProject } from './project-log.js';
import { createEnvironment, listSets } from './store.js';
import type { Write, WriteRequest, Writer } from './writer.js';

export const keyEntity = (digest: string, grant: KeyGrant): Entity => ({
  name: digest,
  version: 0,
  body: { $case: 'key', value: grant },
});

/**
 * Makes a set if it isn't there, with its first revision: the keys that reach it.
 * @returns whether it is new.
 */
export async function ensureSet(
  tx: Transaction,
  write: Write,
  set: SetRef,
  author: string,
  reason = '',
): Promise<boolean> {
  await lockKeys(tx);
  await makeProject(tx, set.project, author, `with ${set.environment}`);
  if (!(await createEnvironment(tx, set))) return false;
  const keys = (await listKeys(tx)).filter(
    ({ grant, archivedAtMs }) => archivedAtMs === undefined && covers(grant, set),
  );
  const upserts = keys.map(({ digest, grant }) => keyEntity(digest, grant));
  await write({ set, author, reason: because('created', reason), plan: () => ({ upserts, deletions: [] }) });
  return true;
}

/** Grants a key, and tells every set that it reaches. @returns whether it is new. */
export async function grantKey(
  tx: Transaction,
  write: Write,
  digest: string,
  grant: KeyGrant,
  author: string,
): Promise<boolean> {
  await lockKeys(tx);
  if (!(await createKey(tx, digest, grant, author))) return false;
  const plan = () => ({ upserts: [keyEntity(digest, grant)], deletions: [] });
  await writeToReached(tx, write, grant, { author, reason: `key created: ${grant.label}`, plan });
  return true;
}

/** Makes one change to every set that a key reaches, archived ones too: a key counts wherever evaluators answer. */
export async function writeToReached(
  tx: Transaction,
  write: Write,
  grant: KeyGrant,
  request: Omit<WriteRequest, 'set'>,
): Promise<void> {
  for (const { set } of await listSets(tx)) {
    if (covers(grant, set)) await write({ ...request, set, isAllowedInArchive: true });
  }
  await tx.query(notify, [keysChannel, '']);
}

/** Makes sure that the first console key is granted. */
export async function grantRootKey(writer: Writer, secret: string): Promise<void> {
  const grant: KeyGrant = {
    keyClass: KeyClass.CONSOLE,
    project: '',
    environment: '',
    canWrite: true,
    label: 'root',
  };
  await writer.transaction((tx, write) => grantKey(tx, write, digestOf(secret), grant, 'root'));
}

const longestLabel = 100;

export function checkLabel(field: string, label: string): void {
  if (label.length > longestLabel) throw invalid(field, `must be at most ${longestLabel} characters`);
}

/** What the audit log says: what happened, then why. */
export const because = (what: string, reason: string): string => (reason === '' ? what : `${what}: ${reason}`);

/** What the audit log says of a new description. */
export const described = (description: string): string => `described as ${JSON.stringify(description)}`;

/** A line in the audit log of a set for what changed about the set rather than in it. */
export async function markSet(write: Write, set: SetRef, author: string, what: string, reason: string): Promise<void> {
  const plan = () => ({ upserts: [], deletions: [] });
  await write({ set, author, reason: because(what, reason), plan, isMark: true, isAllowedInArchive: true });
}

/** Whether a list that asks for a state wants to see something. */
export function isInState(state: ArchiveState, isArchived: boolean): boolean {
  if (state === ArchiveState.ANY) return true;
  return isArchived === (state === ArchiveState.ARCHIVED);
}
