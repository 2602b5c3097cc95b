import { diffEntities, entityKey, refOfKey } from '@sluice/codec';
import { type Call, notFound, type Principal, requireKind, requireSet } from '@sluice/mesh';
import type { AuditRow, FieldChange, ListAuditRequest, ListAuditResponse, SetRef } from '@sluice/proto';
import { type AuditLine, listAudit, readPairs } from '../audit-store.js';
import { type AuditedChange, parseChanges } from '../audited-changes.js';
import type { Context } from '../context.js';
import { pageSizeOf, startOf, tokenOf } from '../paging.js';
import { projectLog } from '../project-log.js';
import { readProject } from '../project-store.js';
import { readHead } from './entities.js';

const changesShown = 100;
const comparedMax = 10;
const fieldLimits = { fieldsMax: 20, textMax: 1_000 };
/** Characters of all fields: an answer has to fit into a message. */
const answerMax = 1_000_000;

export async function handleListAudit(
  context: Context,
  { set: asked, pageSize, pageToken, beforeRevision }: ListAuditRequest,
  { principal }: Call,
): Promise<ListAuditResponse> {
  requireKind(principal, 'console');
  const log = requireLog(principal, asked);
  const size = pageSizeOf(pageSize, 50, 200);
  const before = startOf(pageToken, beforeRevision);
  await requireIsThere(context, log);
  const lines = await listAudit(context.db, log, before, size + 1);
  const rows: AuditRow[] = [];
  let room = answerMax;
  for (const line of lines.slice(0, size)) {
    const row = await rowOf(context, log, line, room > 0);
    for (const { fields } of row.changes) room -= lengthOf(fields);
    rows.push(row);
  }
  const last = rows.at(-1);
  return { rows, nextPageToken: lines.length > size && last ? tokenOf(String(last.revision)) : '' };
}

/** Whose log: a set's, or, without an environment, for keys of the whole project, the project's own. */
export function requireLog(principal: Principal, asked: SetRef | undefined): SetRef {
  const isProject = asked?.environment === '' && asked.project !== '' && principal.environment === '';
  const isVisible = principal.project === '' || principal.project === asked?.project;
  return isProject && isVisible ? projectLog(asked.project) : requireSet(principal, asked);
}

async function requireIsThere(context: Context, log: SetRef): Promise<void> {
  if (log.environment !== '') await readHead(context, log);
  else if (!(await readProject(context.db, log.project)))
    throw notFound('set.project', `${log.project} does not exist`);
}

async function rowOf(
  { db }: Context,
  set: SetRef,
  { entry, previousHash, hash }: AuditLine,
  isCompared: boolean,
): Promise<AuditRow> {
  const { revision, atMs, author, reason } = entry;
  const listed = parseChanges(entry.changes) ?? [];
  const fields = await fieldsOf(db, set, isCompared ? listed.slice(0, comparedMax) : [], revision);
  const changes = listed.slice(0, changesShown).map(([key, before, after]) => ({
    ...{ key, beforeDigest: bytesOf(before), afterDigest: bytesOf(after), fields: fields.get(key) ?? [] },
  }));
  return { revision, atMs, author, reason, changes, changeCount: listed.length, previousHash, hash };
}

const bytesOf = (digest: string | null): Buffer => Buffer.from(digest ?? '', 'hex');

/** What differs, by entity. */
async function fieldsOf(
  db: Context['db'],
  set: SetRef,
  changes: readonly AuditedChange[],
  revision: number,
): Promise<ReadonlyMap<string, FieldChange[]>> {
  const refs = changes.flatMap(([key]) => refOfKey(key) ?? []);
  const pairs = await readPairs(db, set, refs, revision);
  return new Map(
    pairs.map(({ ref, before, after }) => [entityKey(ref), diffEntities(before, after, fieldLimits).fields]),
  );
}

function lengthOf(fields: readonly FieldChange[]): number {
  return fields.reduce((sum, { path, before, after }) => sum + path.length + before.length + after.length, 0);
}
