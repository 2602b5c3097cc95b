import type { Queryable, Statement } from '@sluice/postgres';
import { Frame, type SetRef } from '@sluice/proto';
import { readLineage } from './lineage.js';

/** Channel that says "a frame was committed"; the payload is the set's key. */
export const outboxChannel = 'config_outbox';
/** Channel that says "keys changed". */
export const keysChannel = 'config_keys';

/** Frames of a set that are kept for watchers that fell behind. */
export const framesKept = 64;

const statement = (name: string, text: string): Statement => ({ name: `config_${name}`, text });

/** Larger frames go without their entities; replicas fetch the snapshot. So queues and streams stay small. */
const frameBytesMax = 512 * 1024;

export function elide(bytes: Uint8Array): Uint8Array {
  if (bytes.length <= frameBytesMax) return bytes;
  return Frame.encode({ ...Frame.decode(bytes), upserts: [], deletions: [], isElided: true }).finish();
}

const insertFrame = statement(
  'insert_frame',
  `insert into config.outbox (project, environment, revision, frame, traceparent) values ($1, $2, $3, $4, $5)`,
);

export const notify = statement('notify', 'select pg_notify($1, $2)');

/** Queues a frame with the lineage of its set, whose audit row must be there; one that is too large without its entities. */
export async function writeFrame(
  tx: Queryable,
  set: SetRef,
  frame: Frame,
  traceparent: string | undefined,
): Promise<void> {
  const lineage = await readLineage(tx, set);
  const bytes = Buffer.from(elide(Frame.encode({ ...frame, lineage }).finish()));
  await tx.query(insertFrame, [set.project, set.environment, frame.revision, bytes, traceparent ?? null]);
  await tx.query(notify, [outboxChannel, `${set.project}/${set.environment}`]);
}

const tryLock = statement('try_publish_lock', `select pg_try_advisory_xact_lock(hashtext('config.outbox')) as locked`);

/** Ends a publisher's transaction that says nothing for so long: it holds the others up. */
const limitIdle = statement('limit_idle', `set local idle_in_transaction_session_timeout = '1s'`);

/** Makes this transaction the only publisher, if no other is one, for as long as it is not idle for a second. */
export async function tryPublishLock(tx: Queryable): Promise<boolean> {
  await tx.query(limitIdle);
  const [row] = await tx.query<{ locked: boolean }>(tryLock);
  return row?.locked ?? false;
}

export interface OutboxRow {
  readonly position: bigint;
  readonly project: string;
  readonly environment: string;
  readonly revision: bigint;
  readonly frame: Buffer;
  readonly traceparent: string | null;
}

const selectUnsent = statement(
  'select_unsent',
  `select position, project, environment, revision, frame, traceparent from config.outbox
    where sent_at is null order by position limit $1`,
);

export function readUnsent(tx: Queryable, limit: number): Promise<OutboxRow[]> {
  return tx.query<OutboxRow>(selectUnsent, [limit]);
}

const updateSent = statement(
  'update_sent',
  'update config.outbox set sent_at = now() where position = any($1::bigint[])',
);

const pruneFrames = statement(
  'prune_frames',
  `delete from config.outbox using unnest($1::text[], $2::text[], $3::bigint[]) as sent (project, environment, revision)
    where outbox.project = sent.project and outbox.environment = sent.environment
      and outbox.revision <= sent.revision - $4 and outbox.sent_at is not null`,
);

/** Marks frames as published, and forgets the oldest of their sets. */
export async function markSent(tx: Queryable, sent: readonly OutboxRow[]): Promise<void> {
  await tx.query(updateSent, [sent.map(({ position }) => String(position))]);
  const newest = new Map(sent.map((row) => [`${row.project}/${row.environment}`, row]));
  const rows = [...newest.values()];
  await tx.query(pruneFrames, [
    rows.map(({ project }) => project),
    rows.map(({ environment }) => environment),
    rows.map(({ revision }) => String(revision)),
    framesKept,
  ]);
}

const selectFrames = statement(
  'select_frames',
  `select frame from config.outbox where project = $1 and environment = $2 and revision > $3
    order by revision desc limit $4`,
);

/** The newest frames of a set after a revision, oldest first; more may wait while the bus is away. */
export async function readFrames(db: Queryable, set: SetRef, afterRevision: number): Promise<Frame[]> {
  const rows = await db.query<{ frame: Buffer }>(selectFrames, [
    set.project,
    set.environment,
    afterRevision,
    framesKept,
  ]);
  return rows.reverse().map(({ frame }) => Frame.decode(frame));
}

const countUnsent = statement('count_unsent', 'select count(*) as pending from config.outbox where sent_at is null');

export async function countPending(db: Queryable): Promise<number> {
  const [row] = await db.query<{ pending: bigint }>(countUnsent);
  return Number(row?.pending ?? 0);
}
