import { createHash } from 'node:crypto';
import { encodeEntity, entityKey } from '@sluice/codec';
import type { Entity } from '@sluice/proto';
import type { Advance, Head } from './head.js';

/** An entity's key, such as `gate/checkout`, with hexadecimal SHA-256 of its body before and after; null where it was not. */
export type AuditedChange = readonly [key: string, before: string | null, after: string | null];

export function bodyDigest(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
}

/** For the audit log: what was touched, with a fingerprint of its content before and after. */
export function describeChanges(before: Head, { upserts, deletions }: Advance): string {
  const fingerprint = (entity: Entity | undefined): string | null =>
    entity ? bodyDigest(encodeEntity(entity).bytes) : null;
  const held = (key: string): string | null => fingerprint(before.entities.get(key)?.entity);
  const changes: AuditedChange[] = [
    ...upserts.map((entity): AuditedChange => [entityKey(entity), held(entityKey(entity)), fingerprint(entity)]),
    ...deletions.map((ref): AuditedChange => [entityKey(ref), held(entityKey(ref)), null]),
  ];
  return JSON.stringify(changes);
}

/** Reads the changes of a line back; undefined when they were not written by us. */
export function parseChanges(text: string): readonly AuditedChange[] | undefined {
  try {
    const changes: unknown = JSON.parse(text);
    return Array.isArray(changes) && changes.every(isChange) ? changes : undefined;
  } catch {
    return undefined;
  }
}

function isChange(value: unknown): value is AuditedChange {
  const isDigest = (one: unknown): boolean => one === null || typeof one === 'string';
  return Array.isArray(value) && typeof value[0] === 'string' && isDigest(value[1]) && isDigest(value[2]);
}
