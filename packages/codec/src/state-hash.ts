import { hash } from 'node:crypto';
import { Entity } from '@sluice/proto';
import { sectionOf } from './sections.js';

/**
 * The state hash proves that two holders have the same entities: the sum, modulo 2^256, of a
 * SHA-256 for each entity. A sum does not care for order, and adding or removing one entity
 * costs one hash, however large the ruleset. 32 bytes, big-endian; never changed in place.
 */
export type StateHash = Uint8Array;

/** An entity as it is stored and sent. Its bytes may hold fields that this version does not know. */
export interface EncodedEntity {
  /** A `Section`, or the number of one that only a newer version knows. */
  readonly section: number;
  readonly name: string;
  readonly bytes: Uint8Array;
}

export const stateHashBytes = 32;

export function emptyStateHash(): StateHash {
  return new Uint8Array(stateHashBytes);
}

/** The entity must be canonical, see `canonicalEntity`. */
export function encodeEntity(entity: Entity): EncodedEntity {
  return { section: sectionOf(entity), name: entity.name, bytes: Entity.encode(entity).finish() };
}

/** The hash with one more entity. The entity must be canonical. */
export function addEntity(stateHash: StateHash, entity: Entity): StateHash {
  return addEncoded(stateHash, encodeEntity(entity));
}

/** The hash without an entity that it holds. The entity must be spelled as it was when added. */
export function removeEntity(stateHash: StateHash, entity: Entity): StateHash {
  return removeEncoded(stateHash, encodeEntity(entity));
}

/** The hash of a whole ruleset. */
export function hashEntities(entities: Iterable<Entity>): StateHash {
  const sum = emptyStateHash();
  for (const entity of entities) addInto(sum, digestOfEntity(encodeEntity(entity)));
  return sum;
}

export function addEncoded(stateHash: StateHash, entity: EncodedEntity): StateHash {
  return addInto(Uint8Array.from(stateHash), digestOfEntity(entity));
}

export function removeEncoded(stateHash: StateHash, entity: EncodedEntity): StateHash {
  return subtractFrom(Uint8Array.from(stateHash), digestOfEntity(entity));
}

export function hashEncoded(entities: Iterable<EncodedEntity>): StateHash {
  const sum = emptyStateHash();
  for (const entity of entities) addInto(sum, digestOfEntity(entity));
  return sum;
}

export function equalHashes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let i = 0; i < left.length; i++) if (left[i] !== right[i]) return false;
  return true;
}

/** SHA-256 of section ‖ name length ‖ name ‖ bytes. The lengths keep two entities from sharing one input. */
function digestOfEntity({ section, name, bytes }: EncodedEntity): Uint8Array {
  const nameBytes = Buffer.byteLength(name);
  const input = Buffer.allocUnsafe(10 + nameBytes + bytes.length);
  let at = writeVarint(input, section, 0);
  at = writeVarint(input, nameBytes, at);
  at += input.write(name, at, 'utf8');
  input.set(bytes, at);
  return hash('sha256', input.subarray(0, at + bytes.length), 'buffer');
}

function writeVarint(into: Buffer, value: number, start: number): number {
  let at = start;
  let rest = value;
  for (; rest > 127; rest >>>= 7) into[at++] = (rest & 127) | 128;
  into[at++] = rest;
  return at;
}

function addInto(sum: Uint8Array, digest: Uint8Array): Uint8Array {
  let carry = 0;
  for (let i = stateHashBytes - 1; i >= 0; i--) {
    carry += (sum[i] ?? 0) + (digest[i] ?? 0);
    sum[i] = carry & 255;
    carry >>= 8;
  }
  return sum;
}

function subtractFrom(sum: Uint8Array, digest: Uint8Array): Uint8Array {
  let borrow = 0;
  for (let i = stateHashBytes - 1; i >= 0; i--) {
    const difference = (sum[i] ?? 0) - (digest[i] ?? 0) - borrow;
    sum[i] = difference & 255;
    borrow = difference < 0 ? 1 : 0;
  }
  return sum;
}
