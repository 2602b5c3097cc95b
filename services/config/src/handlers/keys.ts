import { type Call, forbidden, invalid, notFound, type Principal, requireKind, requireWrite } from '@sluice/mesh';
import type { Queryable, Transaction } from '@sluice/postgres';
import {
  type ArchiveKeyRequest,
  type ArchiveKeyResponse,
  type GetKeyRequest,
  type GetKeyResponse,
  type KeyGrant,
  type KeySummary,
  type ListKeysRequest,
  type ListKeysResponse,
  type RestoreKeyRequest,
  type RestoreKeyResponse,
  Section,
  type UpdateKeyRequest,
  type UpdateKeyResponse,
} from '@sluice/proto';
import type { Context } from '../context.js';
import type { Plan } from '../head.js';
import { type Authored, archiveKey, labelKey, listKeys, lockKeys, type StoredKey } from '../key-store.js';
import { checkReason, checkVersion } from '../names.js';
import { orderOf, pageOf, pageSizeOf } from '../paging.js';
import { because, checkLabel, isInState, keyEntity, writeToReached } from '../sets.js';
import type { Write } from '../writer.js';

export function handleListKeys(
  { keyring }: Context,
  { project, environment, labelContains, pageSize, pageToken, archiveState }: ListKeysRequest,
  { principal }: Call,
): ListKeysResponse {
  requireKind(principal, 'console');
  const size = pageSizeOf(pageSize, 1_000, 1_000);
  const after = orderOf(pageToken, /^\d{15}\/[0-9a-f]+$/);
  const matching = keyring
    .all()
    .filter(({ grant }) => isVisible(principal, grant))
    .filter(({ archivedAtMs }) => isInState(archiveState, archivedAtMs !== undefined))
    .filter(({ grant }) => project === '' || grant.project === project)
    .filter(({ grant }) => environment === '' || grant.environment === environment)
    .filter(({ grant }) => grant.label.includes(labelContains))
    .sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1));
  const { items, nextPageToken } = pageOf(matching, placeOf, after, size);
  return { keys: items.map(summaryOf), nextPageToken };
}

/** Orders by creation; also what a page token holds. */
function placeOf({ createdAtMs, digest }: StoredKey): string {
  return `${String(createdAtMs).padStart(15, '0')}/${digest}`;
}

function isVisible(principal: Principal, { project, environment }: KeyGrant): boolean {
  return (
    (principal.project === '' || principal.project === project) &&
    (principal.environment === '' || principal.environment === environment)
  );
}

function summaryOf({
  digest,
  grant,
  createdAtMs,
  version,
  archivedAtMs,
  changedAtMs,
  changedBy,
}: StoredKey): KeySummary {
  return {
    ...{ digest, grant, createdAtMs, version, changedAtMs, changedBy },
    isArchived: archivedAtMs !== undefined,
    archivedAtMs: archivedAtMs ?? 0,
  };
}

export function handleGetKey({ keyring }: Context, { digest }: GetKeyRequest, { principal }: Call): GetKeyResponse {
  requireKind(principal, 'console');
  return { key: summaryOf(requireKey(keyring.all(), principal, digest)) };
}

const shortestPrefix = 8;

/** @throws SluiceError `not_found`, the same whether a key is missing or out of the caller's sight. */
function requireKey(keys: readonly StoredKey[], principal: Principal, digest: string): StoredKey {
  if (!/^[0-9a-f]{8,64}$/.test(digest)) {
    throw invalid('digest', `must be ${shortestPrefix} to 64 hexadecimal digits, as ListKeys shows them`);
  }
  const found = keys.filter((key) => key.digest.startsWith(digest) && isVisible(principal, key.grant));
  const [key] = found;
  if (!key) throw notFound('digest', `there is no key ${digest}; ListKeys names those there are`);
  if (found.length === 1) return key;
  throw invalid('digest', `${digest} begins the names of ${found.length} keys; give more digits`);
}

/** What a change to a key is for the sets that it reaches. */
interface KeyChange {
  readonly reason: string;
  readonly store: (tx: Queryable, by: Authored) => Promise<void>;
  readonly plan: (key: StoredKey) => Plan;
}

/** Changes a key where it is kept and, in the same transaction, in every set that it reaches. */
async function changeKey(
  { writer, keyring, clock }: Context,
  principal: Principal,
  digest: string,
  decide: (key: StoredKey) => KeyChange | undefined,
): Promise<KeySummary> {
  requireKind(principal, 'console');
  requireWrite(principal);
  const changed = await writer.transaction(async (tx: Transaction, write: Write) => {
    await lockKeys(tx);
    const key = requireKey(await listKeys(tx), principal, digest);
    const change = decide(key);
    if (!change) return key;
    await change.store(tx, { by: principal.label, atMs: clock.now() });
    const plan = change.plan(key);
    const { reason } = change;
    await writeToReached(tx, write, key.grant, { author: principal.label, reason, plan: () => plan });
    return requireKey(await listKeys(tx), principal, key.digest);
  });
  await keyring.refresh();
  return summaryOf(changed);
}

export async function handleUpdateKey(
  context: Context,
  { digest, label, expectedVersion, reason }: UpdateKeyRequest,
  { principal }: Call,
): Promise<UpdateKeyResponse> {
  checkLabel('label', label);
  checkReason(reason);
  const key = await changeKey(context, principal, digest, (held) => {
    checkVersion(`the key ${held.grant.label}`, held, expectedVersion, { label: [label, held.grant.label] });
    if (held.grant.label === label) return undefined;
    const grant = { ...held.grant, label };
    return {
      reason: because(`key ${held.grant.label} renamed to ${label}`, reason),
      store: (tx, authored) => labelKey(tx, held.digest, label, authored),
      // A revoked key is in no set; it must not come back by its name.
      plan: () => ({ upserts: held.archivedAtMs === undefined ? [keyEntity(held.digest, grant)] : [], deletions: [] }),
    };
  });
  return { key };
}

export async function handleArchiveKey(
  context: Context,
  { digest, reason }: ArchiveKeyRequest,
  { principal }: Call,
): Promise<ArchiveKeyResponse> {
  checkReason(reason);
  const key = await changeKey(context, principal, digest, (held) => {
    if (held.archivedAtMs !== undefined) return undefined;
    if (held.digest === principal.digest) {
      throw forbidden('This is the key that you use; revoke it with another one, so that nobody locks themselves out.');
    }
    return {
      reason: because(`key revoked: ${held.grant.label}`, reason),
      store: (tx, authored) => archiveKey(tx, held.digest, true, authored),
      plan: () => ({ upserts: [], deletions: [{ section: Section.KEY, name: held.digest }] }),
    };
  });
  return { key };
}

export async function handleRestoreKey(
  context: Context,
  { digest, reason }: RestoreKeyRequest,
  { principal }: Call,
): Promise<RestoreKeyResponse> {
  checkReason(reason);
  const key = await changeKey(context, principal, digest, (held) => {
    if (held.archivedAtMs === undefined) return undefined;
    return {
      reason: because(`key restored: ${held.grant.label}`, reason),
      store: (tx, authored) => archiveKey(tx, held.digest, false, authored),
      plan: () => ({ upserts: [keyEntity(held.digest, held.grant)], deletions: [] }),
    };
  });
  return { key };
}
