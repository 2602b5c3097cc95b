import {
  addEncoded,
  canonicalEntity,
  changesFromEntities,
  encodeEntity,
  entityKey,
  removeEncoded,
  rulesetFromEntities,
  type StateHash,
} from '@sluice/codec';
import { compile, type Problem, type Program, patch } from '@sluice/engine';
import type { Entity, EntityRef } from '@sluice/proto';

/** An entity with the story of its last change. */
export interface Held {
  readonly entity: Entity;
  readonly changedInRevision: number;
  /** Unix milliseconds. */
  readonly changedAtMs: number;
  readonly changedBy: string;
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
}

/** The head after a plan, with what really changes and what the engine says of it. */
export interface Advance {
  readonly head: Head;
  readonly upserts: readonly Entity[];
  readonly deletions: readonly EntityRef[];
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
export function advance(head: Head, plan: Plan, { author, nowMs }: Moment): Advance {
  const entities = new Map(head.entities);
  const revision = head.revision + 1;
  let { stateHash } = head;
  const upserts: Entity[] = [];
  for (const wanted of plan.upserts) {
    const key = entityKey(wanted);
    const before = entities.get(key);
    if (before && isSame(before.entity, wanted)) continue;
    if (before) stateHash = removeEncoded(stateHash, encodeEntity(before.entity));
    const entity = canonicalEntity({ ...wanted, version: (before?.entity.version ?? 0) + 1 });
    stateHash = addEncoded(stateHash, encodeEntity(entity));
    entities.set(key, { entity, changedInRevision: revision, changedAtMs: nowMs, changedBy: author });
    upserts.push(entity);
  }
  const deletions = plan.deletions.filter((ref) => {
    const before = entities.get(entityKey(ref));
    if (!before) return false;
    stateHash = removeEncoded(stateHash, encodeEntity(before.entity));
    return entities.delete(entityKey(ref));
  });
  const { program, problems } = patch(head.program, changesFromEntities(upserts, deletions));
  return { head: { revision, stateHash, committedAtMs: nowMs, entities, program }, upserts, deletions, problems };
}

function isSame(held: Entity, wanted: Entity): boolean {
  const bytes = (entity: Entity): Uint8Array => encodeEntity(canonicalEntity({ ...entity, version: 0 })).bytes;
  return Buffer.compare(bytes(held), bytes(wanted)) === 0;
}
