import {
  addEncoded,
  changesFromEntities,
  type EncodedEntity,
  emptyStateHash,
  equalHashes,
  removeEncoded,
  rulesetFromEntities,
  type StateHash,
} from '@sluice/codec';
import { compile, type Program, patch, type Ruleset } from '@sluice/engine';
import { covers } from '@sluice/mesh';
import { Entity, type EntityRef, type KeyGrant, Section, type SetRef } from '@sluice/proto';
import { compareEntities, EntityTable } from './entity-table.js';
import { composeFrame, type RawFrame } from './raw-frame.js';

/**
 * One set at one revision. Immutable: a change makes another state, and old ones stay usable.
 * Revision 0 holds nothing.
 */
export interface ReplicaState {
  readonly set: SetRef;
  readonly revision: number;
  /** Proven by every frame that was applied. */
  readonly stateHash: StateHash;
  /** When config committed the revision, Unix milliseconds. */
  readonly committedAtMs: number;
  readonly entities: EntityTable;
  readonly ruleset: Ruleset;
  readonly program: Program;
  /** SDK keys by digest. */
  readonly grants: ReadonlyMap<string, KeyGrant>;
}

/** What a frame did to a state. */
export type Outcome =
  /** `delta` leads from the old state to the new one, also when a snapshot did it. */
  | { readonly kind: 'applied'; readonly state: ReplicaState; readonly delta: RawFrame }
  /** Older than what is held, or the same. */
  | { readonly kind: 'ignored'; readonly isSame: boolean }
  /** Frames in between are missing, or were too large for the bus: a snapshot is needed. */
  | { readonly kind: 'gap' }
  /** The frame proves that it and the state can't both be right: a snapshot is needed. */
  | { readonly kind: 'mismatch'; readonly reason: string };

export function emptyState(set: SetRef): ReplicaState {
  const { program } = compile(rulesetFromEntities([]));
  return {
    set,
    revision: 0,
    stateHash: emptyStateHash(),
    committedAtMs: 0,
    entities: EntityTable.empty,
    ruleset: program.ruleset,
    program,
    grants: new Map(),
  };
}

/** Applies a frame if it is the next one or a newer snapshot. Never goes back to an older revision. */
export function applyFrame(state: ReplicaState, frame: RawFrame): Outcome {
  const { set, revision, previousRevision } = frame;
  if (set.project !== state.set.project || set.environment !== state.set.environment) {
    return mismatch('it is for another set');
  }
  const isSnapshot = previousRevision === 0;
  const isSame = revision === state.revision && equalHashes(frame.stateHash, state.stateHash);
  // A snapshot of the held revision with another hash is config's word against ours: config wins.
  if (isSame || revision < state.revision || (revision === state.revision && !isSnapshot)) {
    return { kind: 'ignored', isSame };
  }
  if (frame.isElided) return { kind: 'gap' };
  if (revision <= previousRevision) return mismatch('its revision does not follow the previous one');
  if (isSnapshot) return prove(state, frame, differenceTo(state.entities, frame.upserts));
  if (previousRevision !== state.revision) return { kind: 'gap' };
  if (!equalHashes(frame.previousStateHash, state.stateHash)) {
    return mismatch('it was made for another state of that revision');
  }
  return prove(state, frame, frame);
}

const mismatch = (reason: string): Outcome => ({ kind: 'mismatch', reason });

interface Change {
  readonly upserts: readonly EncodedEntity[];
  readonly deletions: readonly EntityRef[];
}

/** What has to change for the table to hold exactly these entities. */
function differenceTo(held: EntityTable, wanted: readonly EncodedEntity[]): Change {
  const after = EntityTable.empty.change(wanted, []);
  const upserts = [...after].filter((entity) => {
    const before = held.get(entity);
    return before === undefined || !equalHashes(before.bytes, entity.bytes);
  });
  const gone = [...held].filter((entity) => after.get(entity) === undefined);
  const deletions = gone.map(({ section, name }) => ({ section: section as Section, name }));
  return { upserts: upserts.sort(compareEntities), deletions };
}

/** Goes on only when the change leads to the hash that the frame promises. */
function prove(state: ReplicaState, frame: RawFrame, change: Change): Outcome {
  const stateHash = hashAfter(state, change);
  if (!equalHashes(stateHash, frame.stateHash)) return mismatch('it does not lead to the state hash that it promises');
  try {
    return { kind: 'applied', state: advance(state, frame, change), delta: deltaOf(state, frame, change) };
  } catch (error) {
    return mismatch((error as Error).message);
  }
}

function hashAfter(state: ReplicaState, { upserts, deletions }: Change): StateHash {
  const touched = new Map<string, EncodedEntity | undefined>();
  for (const { section, name } of deletions) touched.set(`${section}/${name}`, undefined);
  for (const entity of upserts) touched.set(`${entity.section}/${entity.name}`, entity);
  let hash = state.stateHash;
  for (const ref of [...deletions, ...upserts]) {
    const key = `${ref.section}/${ref.name}`;
    if (!touched.has(key)) continue;
    const before = state.entities.get(ref);
    const after = touched.get(key);
    if (before) hash = removeEncoded(hash, before);
    if (after) hash = addEncoded(hash, after);
    touched.delete(key);
  }
  return hash;
}

function advance(state: ReplicaState, frame: RawFrame, { upserts, deletions }: Change): ReplicaState {
  const entities = upserts.map(({ bytes }) => Entity.decode(bytes));
  const { program } =
    state.entities.size === 0
      ? compile(rulesetFromEntities(entities))
      : patch(state.program, changesFromEntities(entities, deletions));
  return {
    set: state.set,
    revision: frame.revision,
    stateHash: frame.stateHash,
    committedAtMs: frame.committedAtMs,
    entities: state.entities.change(upserts, deletions),
    ruleset: program.ruleset,
    program,
    grants: changeGrants(state, entities, deletions),
  };
}

/** A grant that does not even cover this set has no business in it, and is not taken. */
function changeGrants(
  { set, grants }: ReplicaState,
  upserts: readonly Entity[],
  deletions: readonly EntityRef[],
): ReadonlyMap<string, KeyGrant> {
  const gone = deletions.filter(({ section }) => section === Section.KEY);
  const changed = upserts.filter(({ body }) => body?.$case === 'key');
  if (gone.length === 0 && changed.length === 0) return grants;
  const after = new Map(grants);
  for (const { name } of gone) after.delete(name);
  for (const { name, body } of changed) {
    if (body?.$case === 'key' && covers(body.value, set)) after.set(name, body.value);
    else after.delete(name);
  }
  return after;
}

function deltaOf(state: ReplicaState, frame: RawFrame, { upserts, deletions }: Change): RawFrame {
  if (frame.previousRevision === state.revision) return frame;
  const { set, revision, stateHash, committedAtMs } = frame;
  const previous = { previousRevision: state.revision, previousStateHash: Buffer.from(state.stateHash) };
  const head = { set, revision, stateHash, committedAtMs, ...previous, deletions: [...deletions], isElided: false };
  return composeFrame(head, upserts);
}

/** What a snapshot of the state says before its entities. */
export function snapshotHead({ set, revision, stateHash, committedAtMs }: ReplicaState) {
  return {
    set,
    revision,
    previousRevision: 0,
    stateHash: Buffer.from(stateHash),
    previousStateHash: Buffer.alloc(0),
    committedAtMs,
    deletions: [],
    isElided: false,
  };
}

/** The whole state as one frame. */
export function snapshotFrame(state: ReplicaState): RawFrame {
  return composeFrame(snapshotHead(state), state.entities.sorted());
}
