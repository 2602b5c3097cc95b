import { UserError, userFromWire } from '@sluice/codec';
import type { User } from '@sluice/engine';
import { invalid, notFound, preconditionFailed } from '@sluice/mesh';
import { type Key, Kind, type SetRef, type User as WireUser } from '@sluice/proto';
import { type Holdings, setKey } from '@sluice/replica';
import { keysMax } from './limits.js';

const kinds: readonly Kind[] = Object.values(Kind);

/** @throws SluiceError `invalid` naming the key that can't be asked for. */
export function checkKeys(keys: readonly Key[]): void {
  if (keys.length === 0) throw invalid('keys', 'is empty; name at least one entity, or use EvaluateAll');
  if (keys.length > keysMax) {
    throw invalid('keys', `has ${keys.length} entries; ask for at most ${keysMax} at a time, or use EvaluateAll`);
  }
  for (const [at, { kind, name }] of keys.entries()) {
    if (name === '') throw invalid(`keys[${at}].name`, 'is empty; name a gate, config, experiment or layer');
    if (!kinds.includes(kind)) throw invalid(`keys[${at}].kind`, `is ${kind}, which is no kind of entity`);
  }
}

/** @throws SluiceError `invalid` naming the field that can't be used. */
export function readUser(user: WireUser | undefined): User {
  if (user === undefined) throw invalid('user', 'is missing; send a user, be it an empty one');
  try {
    return userFromWire(user);
  } catch (error) {
    if (error instanceof UserError) throw invalid(error.field, error.problem);
    throw error;
  }
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
export function tooOld(set: SetRef, held: number, wanted: number): Error {
  return preconditionFailed(
    'min_revision',
    `revision ${wanted} of ${setKey(set)} is not here yet, revision ${held} is; ask again, or with a later deadline`,
  );
}
