import { diffEntities, entityKey, equalHashes, refOfKey } from '@sluice/codec';
import { type Call, notFound, requireKind, requireSet } from '@sluice/mesh';
import type { Transaction } from '@sluice/postgres';
import type {
  AuditRow,
  ListAuditRequest,
  ListAuditResponse,
  SetRef,
  VerifyAuditRequest,
  VerifyAuditResponse,
} from '@sluice/proto';
import { AuditCheck } from '../audit-check.js';
import {
  type AuditLine,
  freeze,
  listAudit,
  readAuditAfter,
  readBodies,
  readPair,
  readRevisionsAfter,
  readStanding,
} from '../audit-store.js';
import { type AuditedChange, bodyDigest, parseChanges } from '../audited-changes.js';
import type { Context } from '../context.js';
import { setKey } from '../names.js';
import { orderOf, pageSizeOf, tokenOf } from '../paging.js';
import { listSets } from '../store.js';
import { readHead } from './entities.js';

const changesShown = 100;
const comparedMax = 10;
const fieldLimits = { fieldsMax: 20, textMax: 1_000 };

export async function handleListAudit(
  context: Context,
  { set: asked, pageSize, pageToken }: ListAuditRequest,
  { principal }: Call,
): Promise<ListAuditResponse> {
  requireKind(principal, 'console');
  const set = requireSet(principal, asked);
  const size = pageSizeOf(pageSize, 50, 200);
  const before = orderOf(pageToken, /^\d{1,15}$/);
  await readHead(context, set);
  const lines = await listAudit(context.db, set, before === undefined ? undefined : Number(before), size + 1);
  const rows: AuditRow[] = [];
  for (const line of lines.slice(0, size)) rows.push(await rowOf(context, set, line));
  const last = rows.at(-1);
  return { rows, nextPageToken: lines.length > size && last ? tokenOf(String(last.revision)) : '' };
}

async function rowOf({ db }: Context, set: SetRef, { entry, previousHash, hash }: AuditLine): Promise<AuditRow> {
  const { revision, atMs, author, reason } = entry;
  const listed = parseChanges(entry.changes) ?? [];
  const changes: AuditRow['changes'] = [];
  for (const change of listed.slice(0, changesShown)) {
    const fields = changes.length < comparedMax ? await fieldsOf(db, set, change, revision) : [];
    const [key, before, after] = change;
    changes.push({ key, beforeDigest: bytesOf(before), afterDigest: bytesOf(after), fields });
  }
  return { revision, atMs, author, reason, changes, changeCount: listed.length, previousHash, hash };
}

const bytesOf = (digest: string | null): Buffer => Buffer.from(digest ?? '', 'hex');

async function fieldsOf(db: Context['db'], set: SetRef, [key]: AuditedChange, revision: number) {
  const ref = refOfKey(key);
  if (!ref) return [];
  const { before, after } = await readPair(db, set, ref, revision);
  return diffEntities(before, after, fieldLimits).fields;
}

const linesAtOnce = 500;

export async function handleVerifyAudit(
  { db }: Context,
  { set: asked }: VerifyAuditRequest,
  { principal, signal }: Call,
): Promise<VerifyAuditResponse> {
  requireKind(principal, 'console');
  const set = requireSet(principal, asked);
  return db.transaction(async (tx) => {
    // A write in between would be a contradiction.
    await freeze(tx);
    const check = new AuditCheck();
    const broken = (await findBrokenLine(tx, set, check, signal)) ?? (await findBrokenEnd(tx, set, check));
    return {
      rows: check.revision,
      firstBrokenRevision: broken?.revision,
      problem: broken?.problem ?? '',
      lastHash: check.lastHash,
      entityVersions: check.bodies,
    };
  });
}

interface Broken {
  readonly revision: number;
  readonly problem: string;
}

async function findBrokenLine(
  tx: Transaction,
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
async function findBrokenEnd(tx: Transaction, set: SetRef, check: AuditCheck): Promise<Broken | undefined> {
  const state = (await listSets(tx)).find((one) => setKey(one.set) === setKey(set));
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
    if (check.digestOf(key) === bodyDigest(body)) continue;
    return { revision: check.revision, problem: `${key} stands with another body than the log says` };
  }
  if (count === check.standing) return undefined;
  return { revision: check.revision, problem: `the set holds ${count} entities, the log says ${check.standing}` };
}
