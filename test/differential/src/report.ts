/** Mismatches in words. */
import type { Mismatch } from './compare.js';
import { writeDocument } from './document.js';
import { Referee } from './referee.js';
import type { Round } from './rounds.js';
import { shrink } from './shrink.js';

/** A round that differed, and where. */
export interface Failure {
  readonly round: Round;
  readonly mismatches: readonly Mismatch[];
}

/** The first mismatch of a round, as small as it can be made. */
export async function describeMismatch({ round, mismatches }: Failure): Promise<string> {
  const first = mismatches[0];
  if (first === undefined) return 'no mismatch';
  const referee = new Referee();
  try {
    const { entity, ours, theirs, document, user } = await shrink(referee, first, round.surroundings);
    return [
      `seed ${round.seed}: ${mismatches.length} mismatches; the first, made small:`,
      `entity       ${entity}`,
      `ours         ${JSON.stringify(ours)}`,
      `reference    ${JSON.stringify(theirs)}`,
      `environment  ${round.surroundings.environment ?? 'unset'}`,
      `user         ${JSON.stringify(user)}`,
      `document     ${writeDocument(document)}`,
    ].join('\n');
  } finally {
    referee.close();
  }
}
