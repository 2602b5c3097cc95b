/** What answers are decided from: the newest state, or a past one for replays. */
import type { Program } from '@sluice/engine';
import { notFound, preconditionFailed } from '@sluice/mesh';
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
}

/** How long its caller waits, and whether it still does. */
export interface Patience {
  remainingMs(): number;
  readonly signal: AbortSignal;
}

export interface Bases {
  readonly holdings: Holdings;
  readonly follower: Pick<Follower, 'hurry'>;
  readonly replays: Replays;
  readonly staleAfterMs: number;
}

/** What can be decided from at once; undefined when it has to be waited for. */
export function basisNow(bases: Bases, { set, minRevision, atRevision }: Wanted): Basis | undefined {
  const standing = bases.holdings.standing(set);
  if (!standing) return undefined;
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
  if (atRevision !== 0) {
    const program = await replays.programAt(set, atRevision, patience.remainingMs(), patience.signal);
    return { program, provenance: replayProvenance(held, atRevision) };
  }
  follower.hurry();
  await holdings.waitFor(set, minRevision, patience.remainingMs(), patience.signal);
  const standing = holdings.standing(set);
  if (standing && standing.state.revision >= minRevision) return newestBasis(bases, standing);
  throw tooOld(set, standing?.state.revision ?? 0, minRevision);
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
