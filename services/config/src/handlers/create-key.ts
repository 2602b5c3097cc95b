import {
  type Call,
  digestOf,
  forbidden,
  invalid,
  newSecret,
  type Principal,
  requireKind,
  requireWrite,
} from '@sluice/mesh';
import { type CreateKeyRequest, type CreateKeyResponse, KeyClass, type KeyGrant } from '@sluice/proto';
import type { Context } from '../context.js';
import { listKeys, lockKeys } from '../key-store.js';
import { checkProjectName } from '../names.js';
import { checkLabel, grantKey } from '../sets.js';

const kinds = {
  [KeyClass.UNSPECIFIED]: undefined,
  [KeyClass.SERVER]: 'server',
  [KeyClass.CLIENT]: 'client',
  [KeyClass.CONSOLE]: 'console',
} as const;

export async function handleCreateKey(
  { writer, keyring }: Context,
  { grant, isReused }: CreateKeyRequest,
  { principal }: Call,
): Promise<CreateKeyResponse> {
  requireKind(principal, 'console');
  requireWrite(principal);
  const kind = grant && kinds[grant.keyClass];
  if (!grant || !kind) throw invalid('grant.key_class', 'is not set; choose server, client or console');
  checkGrant(principal, grant);
  const secret = newSecret(kind);
  const digest = digestOf(secret);
  const created = await writer.transaction(async (tx, write) => {
    await lockKeys(tx);
    const twin = isReused
      ? (await listKeys(tx)).find((key) => !key.archivedAtMs && isAlike(key.grant, grant))
      : undefined;
    if (twin) return { secret: '', digest: twin.digest };
    await grantKey(tx, write, digest, grant, principal.label);
    return { secret, digest };
  });
  await keyring.refresh();
  return created;
}

/** Nobody can grant more than they hold. */
function checkGrant(principal: Principal, grant: KeyGrant): void {
  const { project, environment, keyClass, canWrite, label } = grant;
  if (project !== '') checkProjectName('grant.project', project);
  if (environment !== '') checkProjectName('grant.environment', environment);
  if (project === '' && environment !== '') {
    throw invalid('grant.project', 'is empty; an environment belongs to a project, so name it too');
  }
  if (keyClass !== KeyClass.CONSOLE && environment === '') {
    throw invalid('grant.environment', 'is empty; server and client keys belong to one environment, so name it');
  }
  if (keyClass !== KeyClass.CONSOLE && canWrite) {
    throw invalid('grant.can_write', 'is for console keys; server and client keys never write');
  }
  checkLabel('grant.label', label);
  const isWider =
    (principal.project !== '' && principal.project !== project) ||
    (principal.environment !== '' && principal.environment !== environment);
  if (isWider) throw forbidden('This key can grant only what it reaches itself: its own project and environment.');
}

function isAlike(a: KeyGrant, b: KeyGrant): boolean {
  return (
    a.keyClass === b.keyClass &&
    a.project === b.project &&
    a.environment === b.environment &&
    a.canWrite === b.canWrite &&
    a.label === b.label
  );
}
