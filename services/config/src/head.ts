import {
  addEncoded,
  canonicalEntity,
  changesFromEntities,
  encodeEntity,
  entityKey,
  removeEncoded,
  rulesetFromEntities,
  type StateHash,
  sectionOf,
} from '@sluice/codec';
import { compile, type Problem, type Program, patch } from '@sluice/engine';
import { ChangeKind, type Entity, type EntityChange, type EntityRef } from '@sluice/proto';

/** An entity with the story of its last change. */
export interface Held {
  readonly entity: Entity;
  readonly changedInRevision: number;
  /** Unix milliseconds. */
  readonly changedAtMs: number;
  readonly changedBy: string;
  /** After a rollback its own version is lower than one that it had before. */
  readonly highestVersion: number;
}

/** A set at its newest revision. Immutable: a change makes another one. */
export interface Head {
  readonly revision: number;
  readonly stateHash: StateHash;
  /** Unix milliseconds. */
  readonly committedAtMs: number;
  /** By `entityKey`. */
  readonly entities: ReadonlyMap<string, Held>;
  readonly program: Program;
}

/** What a write wants to do. */
export interface Plan {
  readonly upserts: readonly Entity[];
  readonly deletions: readonly EntityRef[];
  /** What the history is to say of entities that come; created unless said. */
  readonly arrival?: typeof ChangeKind.CREATED | typeof ChangeKind.RESTORED;
  /** What the history is to say of entities that go; deleted unless said. */
  readonly departure?: typeof ChangeKind.DELETED | typeof ChangeKind.ARCHIVED;
  /** Entities keep the versions that they come with: they stood before. */
  readonly isExact?: boolean;
}

/** The highest versions of entities that a head lacks but the archive holds, by `entityKey`. */
export type ArchivedVersions = ReadonlyMap<string, number>;

const noVersions: ArchivedVersions = new Map();

/** The head after a plan, with what really changes and what the engine says of it. */
export interface Advance {
  readonly head: Head;
  readonly upserts: readonly Entity[];
  readonly deletions: readonly EntityRef[];
  /** One for each of `upserts`, then of `deletions`. */
  readonly changes: readonly (EntityChange & { ref: EntityRef })[];
  readonly problems: readonly Problem[];
}

export interface Moment {
  readonly author: string;
  /** Unix milliseconds. */
  readonly nowMs: number;
}

export function headOf(revision: number, stateHash: StateHash, committedAtMs: number, held: readonly Held[]): Head {
  const entities = new Map(held.map((one) => [entityKey(one.entity), one]));
  const { program } = compile(rulesetFromEntities(held.map(({ entity }) => entity)));
  return { revision, stateHash, committedAtMs, entities, program };
}

/** Carries a head one revision on. Entities that the plan leaves as they are drop out. */
export function advance(
  head: Head,
  plan: Plan,
  { author, nowMs }: Moment,
  archived: ArchivedVersions = noVersions,
): Advance {
  const entities = new Map(head.entities);
  const revision = head.revision + 1;
  let { stateHash } = head;
  const upserts: Entity[] = [];
  const changes: Advance['changes'][number][] = [];
  for (const wanted of plan.upserts) {
    const key = entityKey(wanted);
    const before = entities.get(key);
    if (before && isSame(before.entity, wanted, plan.isExact === true)) continue;
    if (before) stateHash = removeEncoded(stateHash, encodeEntity(before.entity));
    const highest = Math.max(before?.highestVersion ?? 0, before?.entity.version ?? 0, archived.get(key) ?? 0);
    const version = plan.isExact ? wanted.version : highest + 1;
    const entity = canonicalEntity({ ...wanted, version });
    stateHash = addEncoded(stateHash, encodeEntity(entity));
    const highestVersion = Math.max(highest, version);
    entities.set(key, { entity, changedInRevision: revision, changedAtMs: nowMs, changedBy: author, highestVersion });
    upserts.push(entity);
    const kind = before ? ChangeKind.UPDATED : (plan.arrival ?? ChangeKind.CREATED);
    changes.push({ ref: { section: sectionOf(entity), name: entity.name }, kind, version });
  }
  const deletions = plan.deletions.filter((ref) => {
    const before = entities.get(entityKey(ref));
    if (!before) return false;
    stateHash = removeEncoded(stateHash, encodeEntity(before.entity));
    changes.push({ ref, kind: plan.departure ?? ChangeKind.DELETED, version: before.entity.version });
    return entities.delete(entityKey(ref));
  });
  const { program, problems } = patch(head.program, changesFromEntities(upserts, deletions));
  const next = { revision, stateHash, committedAtMs: nowMs, entities, program };
  return { head: next, upserts, deletions, changes, problems };
}

function isSame(held: Entity, wanted: Entity, isExact: boolean): boolean {
  const bytes = (entity: Entity): Uint8Array => encodeEntity(canonicalEntity(entity)).bytes;
  const version = isExact ? wanted.version : held.version;
  return Buffer.compare(bytes(held), bytes({ ...wanted, version })) === 0;
}
