import { createHash } from 'node:crypto';

/** An entity's key, such as `gate/checkout`, with hexadecimal SHA-256 of its body before and after; null where it was not. */
export type AuditedChange = readonly [key: string, before: string | null, after: string | null];

export function bodyDigest(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
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
