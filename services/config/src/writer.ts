import { EntityError, entityKey, sectionOf } from '@sluice/codec';
import type { Problem } from '@sluice/engine';
import { type Clock, currentTraceparent, invalid, invalidFields, notFound, preconditionFailed } from '@sluice/mesh';
import type { Database, Queryable, Transaction } from '@sluice/postgres';
import type { Frame, SetRef } from '@sluice/proto';
import { writeAudit } from './audit-store.js';
import { describeChanges } from './audited-changes.js';
import { checkEntities } from './check-entities.js';
import { type Advance, type ArchivedVersions, advance, type Head, type Moment, type Plan } from './head.js';
import type { Heads } from './heads.js';
import { setKey } from './names.js';
import { writeFrame } from './outbox.js';
import { refuseStale } from './revision-conflict.js';
import { allowTimeFor, readArchived, readArchivedVersions, writeRevision } from './store.js';

export interface WriteRequest {
  readonly set: SetRef;
  /** Label of the key that writes. */
  readonly author: string;
  readonly reason: string;
  /** Refuse unless the set stands at this revision. */
  readonly expectedRevision?: number | undefined;
  /** Decides on the change, given the head that is locked. */
  readonly plan: (head: Head, tx: Transaction) => Plan | Promise<Plan>;
  /** Dangling references and overlapping allocations become warnings. */
  readonly isTolerant?: boolean;
  /** Keys, and what is said of a set, change also while it is archived. */
  readonly isAllowedInArchive?: boolean;
  /** Make a revision, and a line in the audit log, also when no entity differs. */
  readonly isMark?: boolean;
}

export interface Written {
  readonly head: Head;
  /** There is a new revision. */
  readonly isNew: boolean;
  readonly upserted: number;
  readonly deleted: number;
  /** What the engine tolerates. */
  readonly warnings: readonly Problem[];
}

/** Makes one change inside a transaction. */
export type Write = (request: WriteRequest) => Promise<Written>;

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

  /** What a transaction would answer or refuse; nothing of it stays. */
  async rehearse<T>(run: (tx: Transaction, write: Write) => Promise<T>): Promise<T> {
    let result: { readonly value: T } | undefined;
    const undo = new Error('rehearsed');
    try {
      await this.#db.transaction(async (tx) => {
        result = { value: await run(tx, (request) => this.#writeIn(tx, request)) };
        throw undo;
      });
    } catch (error) {
      if (error === undo && result) return result.value;
      throw error;
    }
    throw undo;
  }

  /** Several changes that happen together or not at all. Lock sets in the order of their names. */
  async transaction<T>(run: (tx: Transaction, write: Write) => Promise<T>): Promise<T> {
    const committed: { set: SetRef; head: Head }[] = [];
    const result = await this.#db.transaction((tx) =>
      run(tx, async (request) => {
        const written = await this.#writeIn(tx, request);
        if (written.isNew) committed.push({ set: request.set, head: written.head });
        return written;
      }),
    );
    for (const { set, head } of committed) this.#heads.put(set, head);
    this.#writes += committed.length;
    return result;
  }

  async #writeIn(tx: Transaction, request: WriteRequest): Promise<Written> {
    const { set, author, reason } = request;
    const before = await this.#heads.lock(tx, set);
    if (!before) throw notFound('set', `${setKey(set)} does not exist; create the environment first`);
    if (!request.isAllowedInArchive) await refuseArchived(tx, set);
    // A clock that was set back must not make a later revision look older: readers go by this time.
    const moment = { author, nowMs: Math.max(this.#clock.now(), before.committedAtMs) };
    const plan = await request.plan(before, tx);
    await refuseStale(tx, set, before, plan, request.expectedRevision);
    await allowTimeFor(tx, plan.upserts.length + plan.deletions.length);
    const change = tryAdvance(before, plan, moment, await archivedVersions(tx, set, before, plan));
    const touched = change.upserts.length + change.deletions.length;
    if (touched === 0 && !request.isMark) return { head: before, isNew: false, upserted: 0, deleted: 0, warnings: [] };
    const warnings = checkEntities(before, change, request.isTolerant ?? false);
    refuseErrors(change.problems, request.isTolerant ?? false);
    const written = {
      head: change.head,
      isNew: true,
      upserted: change.upserts.length,
      deleted: change.deletions.length,
      warnings: [...warnings, ...change.problems],
    };
    await writeRevision(tx, { set, advance: change, moment, reason });
    const { project, environment } = set;
    const changes = describeChanges(before, change);
    const { revision } = change.head;
    await writeAudit(tx, { project, environment, revision, atMs: moment.nowMs, author, reason, changes });
    await writeFrame(tx, set, frameOf(set, before, change), currentTraceparent());
    return written;
  }
}

/** @throws SluiceError `precondition` for a set that takes no changes. */
export async function refuseArchived(db: Queryable, set: SetRef): Promise<void> {
  const archived = await readArchived(db, set);
  if (archived === undefined) return;
  const name = archived === 'project' ? set.project : setKey(set);
  throw preconditionFailed('set', `the ${archived} ${name} is archived, so nothing in it can change; restore it first`);
}

/** An entity that comes back goes on counting where it stopped. */
function archivedVersions(tx: Transaction, set: SetRef, before: Head, plan: Plan): Promise<ArchivedVersions> {
  const fresh = plan.upserts.filter((entity) => !before.entities.has(entityKey(entity)));
  const refs = fresh.map((entity) => ({ section: sectionOf(entity), name: entity.name }));
  return readArchivedVersions(tx, set, before.revision === 0 ? [] : refs);
}

function tryAdvance(before: Head, plan: Plan, moment: Moment, archived: ArchivedVersions): Advance {
  try {
    return advance(before, plan, moment, archived);
  } catch (error) {
    if (error instanceof EntityError) throw invalid('entities', error.message);
    throw error;
  }
}

/** What cannot be evaluated cannot be saved, nor what would count as something else than what its author wrote. */
function refuseErrors(problems: readonly Problem[], isTolerant: boolean): void {
  const errors = problems.filter(({ severity }) => severity === 'error' || (severity === 'lost' && !isTolerant));
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
