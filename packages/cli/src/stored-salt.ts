import { SluiceError } from '@sluice/mesh';
import type { Entity, SetRef } from '@sluice/proto';
import { type Kind, refOf } from './kinds.js';
import type { Session } from './session.js';

/** Kinds whose salt is the author's as it is, and what goes before the name where they gave none. */
const plain: Readonly<Record<string, string>> = { gate: 'gate/', config: 'config/', holdout: 'holdout/' };
/** Kinds whose salt has this before the author's, or before the name. */
const prefixed: Readonly<Record<string, string>> = { experiment: 'experiment/', layer: 'layer/' };

/** The salt that somebody chose for what stands; undefined for one that was made of the name. */
export function chosenSalt({ word }: Kind, { name, body }: Entity): string | undefined {
  if (body?.$case !== 'gate' && body?.$case !== 'config' && body?.$case !== 'layer') return undefined;
  const { salt } = body.value;
  const own = plain[word];
  if (own !== undefined) return salt === '' || salt === `${own}${name}` ? undefined : salt;
  const prefix = prefixed[word];
  if (prefix === undefined || !salt.startsWith(prefix)) return undefined;
  const chosen = salt.slice(prefix.length);
  return chosen === name || chosen === '' ? undefined : chosen;
}

/** A part of a document, with the salt that stands unless it says another: a new one reshuffles all units. */
export async function withStoredSalt(
  session: Session,
  set: SetRef,
  kind: Kind,
  name: string,
  part: unknown,
): Promise<unknown> {
  if (typeof part !== 'object' || part === null || Array.isArray(part) || 'salt' in part) return part;
  if (plain[kind.word] === undefined && prefixed[kind.word] === undefined) return part;
  const stored = await readStored(session, set, kind, name);
  const salt = stored && chosenSalt(kind, stored);
  return salt === undefined ? part : { ...part, salt };
}

async function readStored(session: Session, set: SetRef, kind: Kind, name: string): Promise<Entity | undefined> {
  try {
    return (await session.config.getEntity({ set, ref: refOf(kind, name), revision: 0 }, session.call)).entity;
  } catch (error) {
    if (error instanceof SluiceError && error.kind === 'not_found') return undefined;
    throw error;
  }
}
