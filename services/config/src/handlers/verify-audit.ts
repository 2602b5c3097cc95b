import { entityKey, equalHashes } from '@sluice/codec';
import { type Call, notFound, requireKind } from '@sluice/mesh';
import type { Queryable } from '@sluice/postgres';
import type { SetRef, VerifyAuditRequest, VerifyAuditResponse } from '@sluice/proto';
import { AuditCheck } from '../audit-check.js';
import { readAuditAfter, readBodies, readRevisionsAfter, readStanding } from '../audit-store.js';
import { bodyDigest } from '../audited-changes.js';
import { findBrokenKey } from '../audited-keys.js';
import type { Context } from '../context.js';
import { setKey } from '../names.js';
import { checkProjectLog } from '../project-log.js';
import { readSet } from '../store.js';
import { requireLog } from './list-audit.js';

const linesAtOnce = 500;

export async function handleVerifyAudit(
  { db }: Context,
  { set: asked }: VerifyAuditRequest,
  { principal, signal }: Call,
): Promise<VerifyAuditResponse> {
  requireKind(principal, 'console');
  const log = requireLog(principal, asked);
  // A write in between would be a contradiction.
  return db.snapshot((tx) => (log.environment === '' ? verifyProject(tx, log.project) : verifySet(tx, log, signal)));
}

async function verifyProject(tx: Queryable, project: string): Promise<VerifyAuditResponse> {
  const { rows, lastHash, broken } = await checkProjectLog(tx, project);
  return {
    ...{ rows, lastHash, entityVersions: 0 },
    firstBrokenRevision: broken?.revision,
    problem: broken?.problem ?? '',
  };
}

async function verifySet(tx: Queryable, set: SetRef, signal: AbortSignal): Promise<VerifyAuditResponse> {
  const check = new AuditCheck();
  const broken =
    (await findBrokenLine(tx, set, check, signal)) ??
    (await findBrokenEnd(tx, set, check)) ??
    (await findBrokenKey(tx, set, check));
  return {
    rows: check.revision,
    firstBrokenRevision: broken?.revision,
    problem: broken?.problem ?? '',
    lastHash: check.lastHash,
    entityVersions: check.bodies,
  };
}

interface Broken {
  readonly revision: number;
  readonly problem: string;
}

async function findBrokenLine(
  tx: Queryable,
  set: SetRef,
  check: AuditCheck,
  signal: AbortSignal,
): Promise<Broken | undefined> {
  for (;;) {
    signal.throwIfAborted();
    const lines = await readAuditAfter(tx, set, check.revision, linesAtOnce);
    const upTo = lines.at(-1)?.entry.revision ?? 0;
    const revisions = new Map(
      (await readRevisionsAfter(tx, set, check.revision, upTo)).map((one) => [one.revision, one]),
    );
    for (const line of lines) {
      const { revision } = line.entry;
      const problem = await check.next(line, revisions.get(revision), readBodies(tx, set, revision));
      if (problem) return { revision, problem: `the line of revision ${revision} ${problem}` };
    }
    if (lines.length < linesAtOnce) return undefined;
  }
}

/** Lines that were taken off the end leave a set behind that stands at a later revision, or holds other entities. */
async function findBrokenEnd(tx: Queryable, set: SetRef, check: AuditCheck): Promise<Broken | undefined> {
  const state = await readSet(tx, set);
  if (!state) throw notFound('set', `${setKey(set)} does not exist`);
  const revision = check.revision + 1;
  if (state.revision !== check.revision) {
    return { revision, problem: `the log ends at revision ${check.revision}, the set stands at ${state.revision}` };
  }
  if (!equalHashes(state.stateHash, check.stateHash)) {
    return { revision: check.revision, problem: 'the set has another state hash than its last revision' };
  }
  let count = 0;
  for await (const { ref, body } of readStanding(tx, set)) {
    count += 1;
    const key = entityKey(ref);
    if (body && check.digestOf(key) === bodyDigest(body)) continue;
    return { revision: check.revision, problem: `${key} stands with another body than the log says` };
  }
  if (count === check.standing) return undefined;
  return { revision: check.revision, problem: `the set holds ${count} entities, the log says ${check.standing}` };
}
