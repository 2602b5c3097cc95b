import { createHash } from 'node:crypto';
import { EntityError, encodeEntity, entityKey } from '@sluice/codec';
import type { Problem } from '@sluice/engine';
import { type Clock, conflict, currentTraceparent, invalid, invalidFields, notFound } from '@sluice/mesh';
import type { Database, Transaction } from '@sluice/postgres';
import type { Entity, Frame, SetRef } from '@sluice/proto';
import { type Advance, advance, type Head, type Moment, type Plan } from './head.js';
import type { Heads } from './heads.js';
import { setKey } from './names.js';
import { writeFrame } from './outbox.js';
import { writeAudit, writeRevision } from './store.js';

export interface WriteRequest {
  readonly set: SetRef;
  /** Label of the key that writes. */
  readonly author: string;
  readonly reason: string;
  /** Refuse unless the set stands at this revision. */
  readonly expectedRevision?: number | undefined;
  /** Decides on the change, given the head that is locked. */
  readonly plan: (head: Head) => Plan;
}

export interface Written {
  readonly head: Head;
  readonly upserted: number;
  readonly deleted: number;
  /** What the engine tolerates. */
  readonly warnings: readonly Problem[];
}

const problemsShown = 20;

/** The one way to change a ruleset. */
export class Writer {
  readonly #db: Database;
  readonly #heads: Heads;
  readonly #clock: Clock;
  #writes = 0;

  constructor(db: Database, heads: Heads, clock: Clock) {
    this.#db = db;
    this.#heads = heads;
    this.#clock = clock;
  }

  /** Revisions written by this process. */
  get writes(): number {
    return this.#writes;
  }

  /** One change in a transaction of its own. */
  async write(request: WriteRequest): Promise<Written> {
    return this.transaction((_tx, write) => write(request));
  }

  /** Several changes that happen together or not at all. Lock sets in the order of their names. */
  async transaction<T>(
    run: (tx: Transaction, write: (request: WriteRequest) => Promise<Written>) => Promise<T>,
  ): Promise<T> {
    const committed: { set: SetRef; head: Head }[] = [];
    const result = await this.#db.transaction((tx) =>
      run(tx, async (request) => {
        const written = await this.#writeIn(tx, request);
        if (written.upserted + written.deleted > 0) committed.push({ set: request.set, head: written.head });
        return written;
      }),
    );
    for (const { set, head } of committed) this.#heads.put(set, head);
    this.#writes += committed.length;
    return result;
  }

  async #writeIn(tx: Transaction, request: WriteRequest): Promise<Written> {
    const { set, author, reason } = request;
    const before = await this.#heads.read(tx, set, true);
    if (!before) throw notFound('set', `${setKey(set)} does not exist; create the environment first`);
    checkExpected(before, request.expectedRevision);
    // A clock that was set back must not make a later revision look older: readers go by this time.
    const moment = { author, nowMs: Math.max(this.#clock.now(), before.committedAtMs) };
    const change = tryAdvance(before, request.plan(before), moment);
    const { upserts, deletions } = change;
    if (upserts.length + deletions.length === 0) return { head: before, upserted: 0, deleted: 0, warnings: [] };
    refuseErrors(change.problems);
    await writeRevision(tx, { set, head: change.head, upserts, deletions, moment, reason });
    const { project, environment } = set;
    const changes = describeChanges(before, change);
    const { revision } = change.head;
    await writeAudit(tx, { project, environment, revision, atMs: moment.nowMs, author, reason, changes });
    await writeFrame(tx, set, frameOf(set, before, change), currentTraceparent());
    const warnings = change.problems.filter(({ severity }) => severity === 'warning');
    return { head: change.head, upserted: upserts.length, deleted: deletions.length, warnings };
  }
}

function tryAdvance(before: Head, plan: Plan, moment: Moment): Advance {
  try {
    return advance(before, plan, moment);
  } catch (error) {
    if (error instanceof EntityError) throw invalid('entities', error.message);
    throw error;
  }
}

function checkExpected(head: Head, expected: number | undefined): void {
  if (expected === undefined || expected === head.revision) return;
  const message = `the set is at revision ${head.revision}, not ${expected}: somebody changed it; look again, then repeat`;
  throw conflict('expected_revision', message);
}

/** What cannot be evaluated cannot be saved. */
function refuseErrors(problems: readonly Problem[]): void {
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (errors.length === 0) return;
  throw invalidFields(errors.slice(0, problemsShown).map(({ path, message }) => ({ field: path, message })));
}

function frameOf(set: SetRef, before: Head, { head, upserts, deletions }: Advance): Frame {
  return {
    set,
    revision: head.revision,
    // Revision 0 is the empty set, so the first frame is a snapshot of it.
    previousRevision: before.revision,
    stateHash: Buffer.from(head.stateHash),
    previousStateHash: before.revision === 0 ? Buffer.alloc(0) : Buffer.from(before.stateHash),
    committedAtMs: head.committedAtMs,
    upserts: [...upserts],
    deletions: [...deletions],
    isElided: false,
  };
}

/** For the audit log: what was touched, with a fingerprint of its content before and after. */
function describeChanges(before: Head, { upserts, deletions }: Advance): string {
  const fingerprint = (entity: Entity | undefined): string | null =>
    entity ? createHash('sha256').update(encodeEntity(entity).bytes).digest('hex') : null;
  const held = (key: string): string | null => fingerprint(before.entities.get(key)?.entity);
  return JSON.stringify([
    ...upserts.map((entity) => [entityKey(entity), held(entityKey(entity)), fingerprint(entity)]),
    ...deletions.map((ref) => [entityKey(ref), held(entityKey(ref)), null]),
  ]);
}
