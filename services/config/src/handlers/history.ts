import { diffEntities, entityKey, equalHashes, sectionOf } from '@sluice/codec';
import { type Call, notFound, requireKind, requireSet, requireWrite } from '@sluice/mesh';
import {
  ChangeKind,
  type DiffRevisionsRequest,
  type DiffRevisionsResponse,
  type EntityDiff,
  type ListRevisionsRequest,
  type ListRevisionsResponse,
  type RollbackRequest,
  type RollbackResponse,
  Section,
} from '@sluice/proto';
import type { Context } from '../context.js';
import { readPast } from '../history.js';
import { checkReason, setKey } from '../names.js';
import { pageSizeOf, startOf, tokenOf } from '../paging.js';
import { absentFrom } from '../plan-import.js';
import { listRevisions, readStateHash, readTouched, type TouchedEntity } from '../revision-store.js';
import { readHead } from './entities.js';

export async function handleListRevisions(
  context: Context,
  { set: asked, ref, pageSize, pageToken, beforeRevision }: ListRevisionsRequest,
  { principal }: Call,
): Promise<ListRevisionsResponse> {
  requireKind(principal, 'console', 'server');
  const set = requireSet(principal, asked);
  const size = pageSizeOf(pageSize, 100, 1_000);
  const before = startOf(pageToken, beforeRevision);
  await readHead(context, set);
  const found = await listRevisions(context.db, set, ref, before, size + 1);
  const revisions = found.slice(0, size);
  const last = revisions.at(-1);
  return { revisions, nextPageToken: found.length > size && last ? tokenOf(String(last.revision)) : '' };
}

const entitiesMax = 1_000;
const fieldLimits = { fieldsMax: 200, textMax: 1_000 };
/** Characters of all fields: an answer has to fit into a message. */
const answerMax = 1_000_000;

export async function handleDiffRevisions(
  context: Context,
  { set: asked, fromRevision, toRevision, ref }: DiffRevisionsRequest,
  { principal }: Call,
): Promise<DiffRevisionsResponse> {
  requireKind(principal, 'console', 'server');
  const set = requireSet(principal, asked);
  const head = await readHead(context, set);
  const to = toRevision || head.revision;
  for (const [field, revision] of [['from_revision', fromRevision] as const, ['to_revision', to] as const]) {
    if (revision <= head.revision) continue;
    throw notFound(field, `there is no revision ${revision} of ${setKey(set)}; the newest is ${head.revision}`);
  }
  const isForward = fromRevision <= to;
  const [earlier, later] = isForward ? [fromRevision, to] : [to, fromRevision];
  const entities: EntityDiff[] = [];
  let room = answerMax;
  for await (const touched of readTouched(context.db, set, earlier, later, ref)) {
    const diff = diffOf(isForward ? touched : { ...touched, before: touched.after, after: touched.before });
    if (!diff) continue;
    room -= diff.fields.reduce((sum, { path, before, after }) => sum + path.length + before.length + after.length, 100);
    if (room < 0 || entities.length === entitiesMax) {
      return { entities, isTruncated: true, fromRevision, toRevision: to };
    }
    entities.push(diff);
  }
  return { entities, isTruncated: false, fromRevision, toRevision: to };
}

/** Undefined for what came back to where it was. */
function diffOf({ ref, before, after }: TouchedEntity): EntityDiff | undefined {
  const { fields, isTruncated } = diffEntities(before, after, fieldLimits);
  if (fields.length === 0 && (before === undefined) === (after === undefined)) return undefined;
  const kind = before ? (after ? ChangeKind.UPDATED : ChangeKind.DELETED) : ChangeKind.CREATED;
  return { ref, kind, fields, isTruncated, fromVersion: before?.version ?? 0, toVersion: after?.version ?? 0 };
}

export async function handleRollback(
  { writer }: Context,
  { set: asked, toRevision, expectedRevision, reason }: RollbackRequest,
  { principal }: Call,
): Promise<RollbackResponse> {
  requireKind(principal, 'console');
  requireWrite(principal);
  const set = requireSet(principal, asked);
  checkReason(reason);
  return writer.transaction(async (tx, write) => {
    const { head, upserted, deleted } = await write({
      ...{ set, author: principal.label, reason, expectedRevision },
      // It stood before: what was tolerated then is tolerated again.
      isTolerant: true,
      plan: async (current) => {
        const past = await readPast(tx, set, toRevision);
        if (!past) {
          const newest = `the newest is ${current.revision}`;
          throw notFound('to_revision', `there is no revision ${toRevision} of ${setKey(set)}; ${newest}`);
        }
        const upserts = past.upserts.filter((entity) => sectionOf(entity) !== Section.KEY);
        const deletions = absentFrom(current, new Set(upserts.map(entityKey)));
        return { upserts, deletions, isExact: true, arrival: ChangeKind.RESTORED };
      },
    });
    const { revision, committedAtMs, stateHash } = head;
    const isIdentical = equalHashes(stateHash, (await readStateHash(tx, set, toRevision)) ?? Buffer.alloc(0));
    return { revision, committedAtMs, stateHash: Buffer.from(stateHash), upserted, deleted, isIdentical };
  });
}
