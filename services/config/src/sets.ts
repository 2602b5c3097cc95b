import { covers, digestOf } from '@sluice/mesh';
import type { Transaction } from '@sluice/postgres';
import { type Entity, KeyClass, type KeyGrant, type SetRef } from '@sluice/proto';
import { keysChannel, notify } from './outbox.js';
import { createEnvironment, createKey, createProject, listKeys, listSets, lockKeys } from './store.js';
import type { WriteRequest, Writer, Written } from './writer.js';

type Write = (request: WriteRequest) => Promise<Written>;

const keyEntity = (digest: string, grant: KeyGrant): Entity => ({
  name: digest,
  version: 0,
  body: { $case: 'key', value: grant },
});

/**
 * Makes a set if it isn't there, with its first revision: the keys that reach it.
 * @returns whether it is new.
 */
export async function ensureSet(tx: Transaction, write: Write, set: SetRef, author: string): Promise<boolean> {
  await lockKeys(tx);
  await createProject(tx, set.project);
  if (!(await createEnvironment(tx, set))) return false;
  const keys = (await listKeys(tx)).filter(({ grant }) => covers(grant, set));
  const upserts = keys.map(({ digest, grant }) => keyEntity(digest, grant));
  await write({ set, author, reason: 'created', plan: () => ({ upserts, deletions: [] }) });
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
  if (!(await createKey(tx, digest, grant))) return false;
  for (const { set } of await listSets(tx)) {
    if (!covers(grant, set)) continue;
    const plan = () => ({ upserts: [keyEntity(digest, grant)], deletions: [] });
    await write({ set, author, reason: `key created: ${grant.label}`, plan });
  }
  await tx.query(notify, [keysChannel, '']);
  return true;
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
