/** What answers are decided from: the newest state, or a past one for replays. */
import type { Program } from '@sluice/engine';
import { notFound, preconditionFailed, SluiceError } from '@sluice/mesh';
import type { Provenance, SetRef } from '@sluice/proto';
import type { Follower } from '@sluice/replica';
import { type Holdings, type Standing, setKey } from '@sluice/replica';
import type { Replays } from './replays.js';

export interface Basis {
  readonly program: Program;
  readonly provenance: Provenance;
}

/** What a request says of the revision that it wants. */
export interface Wanted {
  readonly set: SetRef;
  readonly minRevision: number;
  /** Past revision to decide from; 0 for the newest. */
  readonly atRevision: number;
  /** Revision that the caller's request is pinned to, by its own word or by its baggage; absent when it is not. */
  readonly pin?: number | undefined;
  /** Whether a pin that is not held may be fetched from config: that costs more than an answer. */
  readonly mayFetch?: boolean;
}

/** How long its caller waits, and whether it still does. */
export interface Patience {
  remainingMs(): number;
  readonly signal: AbortSignal;
  /** Says ahead of a wait that it is none for want of power: others may be worked on meanwhile. */
  park?(): void;
}

export interface Bases {
  readonly holdings: Holdings;
  readonly follower: Pick<Follower, 'hurry'>;
  readonly replays: Replays;
  readonly staleAfterMs: number;
}

/** What can be decided from at once; undefined when it has to be waited for. */
export function basisNow(bases: Bases, { set, minRevision, atRevision, pin }: Wanted): Basis | undefined {
  const standing = bases.holdings.standing(set);
  if (!standing) return undefined;
  if (pin !== undefined && atRevision === 0) return pinnedBasisNow(bases, standing, pin, minRevision);
  if (atRevision !== 0) return replayBasis(standing, atRevision, bases.holdings.programAt(set, atRevision));
  return standing.state.revision >= minRevision ? newestBasis(bases, standing) : undefined;
}

/**
 * Waits for the revision that the caller has to see, or fetches the one to replay, as long as the
 * caller waits.
 * @throws SluiceError `not_found` for unknown sets and revisions, `precondition` when it does not come.
 */
export async function basisLater(bases: Bases, wanted: Wanted, patience: Patience): Promise<Basis> {
  const { holdings, follower, replays } = bases;
  const { set, minRevision, atRevision } = wanted;
  const held = holdings.standing(set);
  if (!held) throw unknownSet(holdings, set);
  patience.park?.();
  if (atRevision !== 0) {
    const program = await replays.programAt(set, atRevision, patience.remainingMs(), patience.signal);
    return { program, provenance: replayProvenance(held, atRevision) };
  }
  if (wanted.pin !== undefined) return pinnedBasisLater(bases, wanted, wanted.pin, patience);
  follower.hurry();
  await holdings.waitFor(set, minRevision, patience.remainingMs(), patience.signal);
  const standing = holdings.standing(set);
  if (standing && standing.state.revision >= minRevision) return newestBasis(bases, standing);
  throw tooOld(set, standing?.state.revision ?? 0, minRevision);
}

/** The pinned revision, if it is held; the same on every hop, whatever has changed meanwhile. */
function pinnedBasisNow(bases: Bases, standing: Standing, pin: number, minRevision: number): Basis | undefined {
  if (pin < minRevision) throw pinnedBelow(standing.state.set, pin, minRevision);
  if (pin === standing.state.revision) return newestBasis(bases, standing);
  const program = bases.holdings.programAt(standing.state.set, pin);
  return program && { program, provenance: { ...newestBasis(bases, standing).provenance, revision: pin } };
}

/** Waits for a revision that is still to come, and fetches one that is gone, or says what is held. */
async function pinnedBasisLater(bases: Bases, wanted: Wanted, pin: number, patience: Patience): Promise<Basis> {
  const { holdings, follower, replays, staleAfterMs } = bases;
  const { set } = wanted;
  if ((holdings.get(set)?.revision ?? 0) < pin) {
    follower.hurry();
    await holdings.waitFor(set, pin, patience.remainingMs(), patience.signal);
  }
  const standing = holdings.standing(set);
  const held = standing && pinnedBasisNow(bases, standing, pin, wanted.minRevision);
  if (held) return held;
  const isGone = standing !== undefined && pin < standing.state.revision;
  if (!standing || !isGone || !wanted.mayFetch) throw notPinnable(holdings, set, pin);
  try {
    const program = await replays.programAt(set, pin, patience.remainingMs(), patience.signal);
    const { ageMs } = standing;
    return { program, provenance: { set, revision: pin, ageMs, isStale: ageMs > staleAfterMs } };
  } catch (error) {
    throw notPinnable(holdings, set, pin, error);
  }
}

function newestBasis({ staleAfterMs }: Bases, { state, ageMs }: Standing): Basis {
  const provenance = { set: state.set, revision: state.revision, ageMs, isStale: ageMs > staleAfterMs };
  return { program: state.program, provenance };
}

function replayBasis(standing: Standing, revision: number, program: Program | undefined): Basis | undefined {
  return program && { program, provenance: replayProvenance(standing, revision) };
}

/** The past does not go stale. */
function replayProvenance({ state, ageMs }: Standing, revision: number): Provenance {
  return { set: state.set, revision, ageMs, isStale: false };
}

/** Says which half of the set's name is unknown, as far as the caller may see. */
export function unknownSet(holdings: Holdings, set: SetRef): Error {
  const isProjectKnown = holdings.all().some(({ state }) => state.set.project === set.project);
  if (isProjectKnown) {
    return notFound(
      'set.environment',
      `${set.project} has no ruleset in ${set.environment}; check the name, or create it`,
    );
  }
  return notFound('set.project', `${set.project} has no ruleset; check the name, or create it`);
}

/** The revision asked for did not come in time. */
function tooOld(set: SetRef, held: number, wanted: number): Error {
  return preconditionFailed(
    'min_revision',
    `revision ${wanted} of ${setKey(set)} is not here yet, revision ${held} is; ask again, or with a later deadline`,
  );
}

/** A pinned request must not be answered from another revision: then its hops would not decide alike. */
function notPinnable(holdings: Holdings, set: SetRef, pin: number, cause?: unknown): SluiceError {
  const held = holdings.heldRange(set);
  const range =
    held && held.oldest < held.newest
      ? `revisions ${held.oldest} to ${held.newest} are`
      : `revision ${held?.newest ?? 0} is`;
  const message = `the request is pinned to revision ${pin} of ${setKey(set)}, and ${range} held; pin a newer one`;
  return new SluiceError('precondition', `pinned_revision: ${message}`, {
    problems: [{ field: 'pinned_revision', message }],
    cause,
  });
}

function pinnedBelow(set: SetRef, pin: number, wanted: number): Error {
  return preconditionFailed(
    'min_revision',
    `the request is pinned to revision ${pin} of ${setKey(set)}, and asks for ${wanted} at least; pin that one, or do not pin`,
  );
}
