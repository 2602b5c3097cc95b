import type { Queryable, Statement } from '@sluice/postgres';
import { Entity, type Frame, type SetRef } from '@sluice/proto';

/**
 * One row without a name for the revision, then each entity that it held: the newest version of
 * each that is no younger than the revision, unless that is a deletion.
 */
const selectPast: Statement = {
  name: 'config_select_past',
  text: `with past as (
      select state_hash, committed_at from config.revision where project = $1 and environment = $2 and revision = $3
    ), entities as (
      select distinct on (section, name) section, name, body from config.entity_version
        where project = $1 and environment = $2 and revision <= $3 order by section, name, revision desc
    )
    select null::text as name, null::bytea as body, state_hash, committed_at, 0 as section from past
    union all
    select name, body, null, null, section from entities where body is not null and exists (select from past)
    order by section, name nulls first`,
};

interface PastRow {
  readonly name: string | null;
  readonly body: Buffer | null;
  readonly state_hash: Buffer | null;
  readonly committed_at: Date | null;
}

/** A set as it was at a revision, as a snapshot frame; undefined when there was no such revision. */
export async function readPast(db: Queryable, set: SetRef, revision: number): Promise<Frame | undefined> {
  const [past, ...rows] = await db.query<PastRow>(selectPast, [set.project, set.environment, revision]);
  if (!past?.state_hash || !past.committed_at) return undefined;
  return {
    set,
    revision,
    previousRevision: 0,
    stateHash: past.state_hash,
    previousStateHash: Buffer.alloc(0),
    committedAtMs: past.committed_at.getTime(),
    upserts: rows.flatMap(({ body }) => (body ? [Entity.decode(body)] : [])),
    deletions: [],
    isElided: false,
  };
}
