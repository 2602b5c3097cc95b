import {
  addEncoded,
  applyEntities,
  changesFromEntities,
  type EncodedEntity,
  emptyStateHash,
  equalHashes,
  removeEncoded,
  rulesetFromEntities,
  type StateHash,
} from '@sluice/codec';
import { compile, compileSteps, type Program, patch, type Ruleset } from '@sluice/engine';
import { covers } from '@sluice/mesh';
import { Entity, type EntityRef, type KeyGrant, Section, type SetRef } from '@sluice/proto';
import { compareEntities, EntityTable } from './entity-table.js';
import { composeFrame, type RawFrame } from './raw-frame.js';
import { runSliced, runSteps, type Steps } from './slices.js';

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
  /** History that the revision belongs to; empty when nobody has said. */
  readonly lineage: string;
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
    lineage: '',
    entities: EntityTable.empty,
    ruleset: program.ruleset,
    program,
    grants: new Map(),
  };
}

/**
 * Whose word a frame is. What comes over the bus or from another replica may be of yesterday;
 * config itself, asked now, is right even when it has gone back to an older lineage.
 */
export type Word = 'replica' | 'authority';

/**
 * Applies a frame if it is the next one or a newer snapshot. Never goes back to an older revision
 * of the same lineage; a snapshot of a later lineage replaces whatever is held.
 */
export function applyFrame(state: ReplicaState, frame: RawFrame, word: Word = 'replica'): Outcome {
  return runSteps(applySteps(state, frame, word));
}

/** The same, some milliseconds at a time: for snapshots, which may hold tens of thousands of entities. */
export function applyFrameSliced(state: ReplicaState, frame: RawFrame, word: Word = 'replica'): Promise<Outcome> {
  return runSliced(applySteps(state, frame, word));
}

/** How the lineage of a frame or an answer is to the one held; `same` also when one of them is not known. */
export function compareLineage(held: string, other: string | undefined): 'same' | 'later' | 'earlier' {
  if (other === undefined || other === '' || held === '' || other === held) return 'same';
  return other > held ? 'later' : 'earlier';
}

function* applySteps(state: ReplicaState, frame: RawFrame, word: Word): Steps<Outcome> {
  const { set, revision, previousRevision } = frame;
  if (set.project !== state.set.project || set.environment !== state.set.environment) {
    return mismatch('it is for another set');
  }
  const lineage = compareLineage(state.lineage, frame.lineage);
  if (lineage !== 'same') return yield* applyOtherLineage(state, frame, lineage === 'later' || word === 'authority');
  const isSnapshot = previousRevision === 0;
  const isSame = revision === state.revision && equalHashes(frame.stateHash, state.stateHash);
  // A snapshot of the held revision with another hash is config's word against ours: config wins.
  if (isSame || revision < state.revision || (revision === state.revision && !isSnapshot)) {
    return { kind: 'ignored', isSame };
  }
  if (frame.isElided) return { kind: 'gap' };
  if (revision <= previousRevision) return mismatch('its revision does not follow the previous one');
  if (isSnapshot) return yield* prove(state, frame, yield* differenceTo(state.entities, frame.upserts));
  if (previousRevision !== state.revision) return { kind: 'gap' };
  if (!equalHashes(frame.previousStateHash, state.stateHash)) {
    return mismatch('it was made for another state of that revision');
  }
  return yield* prove(state, frame, frame);
}

/** Its revisions have nothing to do with those held: only a snapshot leads there. */
function* applyOtherLineage(state: ReplicaState, frame: RawFrame, isTrusted: boolean): Steps<Outcome> {
  if (!isTrusted) return { kind: 'ignored', isSame: false };
  if (frame.isElided || frame.previousRevision !== 0)
    return mismatch('it belongs to another lineage than what is held');
  return yield* prove(state, frame, yield* differenceTo(state.entities, frame.upserts));
}

/** Entities between two places to stop at. */
const stepEntities = 64;

const mismatch = (reason: string): Outcome => ({ kind: 'mismatch', reason });

interface Change {
  readonly upserts: readonly EncodedEntity[];
  readonly deletions: readonly EntityRef[];
}

/** What has to change for the table to hold exactly these entities. */
function* differenceTo(held: EntityTable, wanted: readonly EncodedEntity[]): Steps<Change> {
  const after = EntityTable.empty.change(wanted, []);
  yield;
  const upserts: EncodedEntity[] = [];
  let seen = 0;
  for (const entity of after) {
    if (++seen % stepEntities === 0) yield;
    const before = held.get(entity);
    if (before === undefined || !equalHashes(before.bytes, entity.bytes)) upserts.push(entity);
  }
  const gone = [...held].filter((entity) => after.get(entity) === undefined);
  const deletions = gone.map(({ section, name }) => ({ section: section as Section, name }));
  return { upserts: upserts.sort(compareEntities), deletions };
}

/** Goes on only when the change leads to the hash that the frame promises. */
function* prove(state: ReplicaState, frame: RawFrame, change: Change): Steps<Outcome> {
  const stateHash = yield* hashAfter(state, change);
  if (!equalHashes(stateHash, frame.stateHash)) return mismatch('it does not lead to the state hash that it promises');
  try {
    const next = yield* advance(state, frame, change);
    yield;
    return { kind: 'applied', state: next, delta: deltaOf(state, frame, change) };
  } catch (error) {
    return mismatch((error as Error).message);
  }
}

function* hashAfter(state: ReplicaState, { upserts, deletions }: Change): Steps<StateHash> {
  const touched = new Map<string, EncodedEntity | undefined>();
  for (const { section, name } of deletions) touched.set(`${section}/${name}`, undefined);
  for (const entity of upserts) touched.set(`${entity.section}/${entity.name}`, entity);
  let hash = state.stateHash;
  let seen = 0;
  for (const ref of [...deletions, ...upserts]) {
    if (++seen % stepEntities === 0) yield;
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

function* advance(state: ReplicaState, frame: RawFrame, { upserts, deletions }: Change): Steps<ReplicaState> {
  const entities: Entity[] = [];
  for (const [at, { bytes }] of upserts.entries()) {
    entities.push(Entity.decode(bytes));
    if ((at + 1) % stepEntities === 0) yield;
  }
  const program =
    state.entities.size === 0
      ? yield* compileAll(entities)
      : patch(state.program, changesFromEntities(entities, deletions)).program;
  yield;
  return {
    set: state.set,
    revision: frame.revision,
    stateHash: frame.stateHash,
    committedAtMs: frame.committedAtMs,
    lineage: frame.lineage || state.lineage,
    entities: state.entities.change(upserts, deletions),
    ruleset: program.ruleset,
    program,
    grants: changeGrants(state, entities, deletions),
  };
}

/** Entities put into the ruleset at a time: each time its maps are copied, so that few are too few. */
const rulesetStepEntities = 2_048;

function* compileAll(entities: readonly Entity[]): Steps<Program> {
  let ruleset = rulesetFromEntities(entities.slice(0, rulesetStepEntities));
  for (let at = rulesetStepEntities; at < entities.length; at += rulesetStepEntities) {
    yield;
    ({ ruleset } = applyEntities(ruleset, entities.slice(at, at + rulesetStepEntities), []));
  }
  yield;
  return yield* compileSteps(ruleset);
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
  // A snapshot of another lineage leads from nowhere but itself.
  if (frame.previousRevision === state.revision || compareLineage(state.lineage, frame.lineage) !== 'same')
    return frame;
  const { set, revision, stateHash, committedAtMs, lineage } = frame;
  const previous = { previousRevision: state.revision, previousStateHash: Buffer.from(state.stateHash) };
  const changed = { deletions: [...deletions], isElided: false };
  const head = { set, revision, stateHash, committedAtMs, lineage, ...previous, ...changed };
  return composeFrame(head, upserts);
}

/** What a snapshot of the state says before its entities. */
export function snapshotHead({ set, revision, stateHash, committedAtMs, lineage }: ReplicaState) {
  return {
    set,
    revision,
    previousRevision: 0,
    stateHash: Buffer.from(stateHash),
    previousStateHash: Buffer.alloc(0),
    committedAtMs,
    lineage: lineage || undefined,
    deletions: [],
    isElided: false,
  };
}

/** The whole state as one frame. */
export function snapshotFrame(state: ReplicaState): RawFrame {
  return composeFrame(snapshotHead(state), state.entities.sorted());
}
