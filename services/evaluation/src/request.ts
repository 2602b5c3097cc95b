import { InitializeError, initializeFromWire, UserError, userFromWire } from '@sluice/codec';
import type { InitializeOptions, User } from '@sluice/engine';
import { invalid } from '@sluice/mesh';
import { type InitializeClientRequest, Key, Kind, type User as WireUser } from '@sluice/proto';
import { keysMax } from './limits.js';

const kinds: readonly Kind[] = Object.values(Kind);

/** @throws SluiceError `invalid` naming the key that can't be asked for. */
export function checkKeys(keys: readonly Key[]): void {
  if (keys.length === 0) throw invalid('keys', 'is empty; name at least one entity, or use EvaluateAll');
  if (keys.length > keysMax) {
    throw invalid('keys', `has ${keys.length} entries; ask for at most ${keysMax} at a time, or use EvaluateAll`);
  }
  for (let at = 0; at < keys.length; at++) checkKeyAt(keys[at], () => `keys[${at}]`);
}

/** @throws SluiceError `invalid` when there is no key, or none that has rules to explain. */
export function checkKey(key: Key | undefined): Key {
  if (key === undefined) throw invalid('key', 'is missing; name a gate, config, experiment or layer');
  checkKeyAt(key, () => 'key');
  if (key.kind !== Kind.PARAM_STORE) return key;
  throw invalid('key.kind', 'is a parameter store, which has no rules; name what its parameters refer to');
}

function checkKeyAt({ kind, name }: Key = Key.create(), path: () => string): void {
  if (name === '') throw invalid(`${path()}.name`, 'is empty; name a gate, config, experiment or layer');
  if (!kinds.includes(kind)) throw invalid(`${path()}.kind`, `is ${kind}, which is no kind of entity`);
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

/** @throws SluiceError `invalid` naming the field that can't be used. */
export function readInitialize(request: InitializeClientRequest): InitializeOptions {
  try {
    return initializeFromWire(request);
  } catch (error) {
    if (error instanceof InitializeError) throw invalid(error.field, error.problem);
    throw error;
  }
}
