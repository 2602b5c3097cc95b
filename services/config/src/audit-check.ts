import { addEncoded, emptyStateHash, entityKey, equalHashes, removeEncoded, type StateHash } from '@sluice/codec';
import { Section } from '@sluice/proto';
import { chainHash, firstHash } from './audit.js';
import type { AuditLine, StoredBody, StoredRevision } from './audit-store.js';
import { type AuditedChange, bodyDigest, parseChanges } from './audited-changes.js';

/** What the log said last of an entity that stands, and what was stored. */
interface Standing {
  readonly digest: string;
  readonly bytes: Uint8Array;
  readonly section: number;
  readonly name: string;
  /** The line that made it so. */
  readonly revision: number;
}

/**
 * Follows an audit log from its first line, and recomputes each: the chain, the revision that
 * the line speaks of, the digests of what was stored, and the state hash that comes of it all.
 * Holds the set as it grows.
 */
export class AuditCheck {
  #lastHash: Buffer = firstHash;
  #stateHash: StateHash = emptyStateHash();
  #revision = 0;
  #bodies = 0;
  readonly #standing = new Map<string, Standing>();
  /** Keys that were taken away, with the line that did so. */
  readonly #revoked = new Map<string, number>();

  /** Hash of the last line that held. */
  get lastHash(): Buffer {
    return this.#lastHash;
  }

  /** The last revision that held. */
  get revision(): number {
    return this.#revision;
  }

  get stateHash(): StateHash {
    return this.#stateHash;
  }

  /** Stored bodies that were recomputed. */
  get bodies(): number {
    return this.#bodies;
  }

  /** What stands after the last line that held: digests by entity key. */
  digestOf(key: string): string | undefined {
    return this.#standing.get(key)?.digest;
  }

  /** SDK keys that stand after the last line that held. */
  keys(): readonly Standing[] {
    return [...this.#standing.values()].filter(({ section }) => section === Section.KEY);
  }

  /** The line that took a key away which does not stand any more. */
  revokedIn(digest: string): number | undefined {
    return this.#revoked.get(digest);
  }

  get standing(): number {
    return this.#standing.size;
  }

  /** What is wrong with the next line; undefined when it holds. */
  async next(
    { entry, previousHash, hash }: AuditLine,
    revision: StoredRevision | undefined,
    bodies: AsyncIterable<StoredBody>,
  ): Promise<string | undefined> {
    if (entry.revision !== this.#revision + 1) {
      return `follows revision ${this.#revision}: the lines between them are gone`;
    }
    if (!equalHashes(previousHash, this.#lastHash)) return 'is not chained to the line before it';
    if (!equalHashes(hash, chainHash(previousHash, entry))) return 'was changed: its content has another hash';
    const problem = contradiction(entry, revision) ?? (await this.#apply(entry.changes, bodies));
    if (problem) return problem;
    if (!revision || !equalHashes(revision.stateHash, this.#stateHash)) {
      return 'has a revision whose state hash is not that of its entities';
    }
    this.#revision = entry.revision;
    this.#lastHash = hash;
    return undefined;
  }

  async #apply(text: string, bodies: AsyncIterable<StoredBody>): Promise<string | undefined> {
    const changes = parseChanges(text);
    if (!changes) return 'lists its changes in a form that nobody wrote';
    const listed = new Map(changes.map((change) => [change[0], change]));
    for await (const stored of bodies) {
      const key = entityKey(stored.ref);
      const change = listed.get(key);
      if (!change) return `does not mention ${key}, which the history holds a change of`;
      listed.delete(key);
      const problem = this.#replace(key, change, stored);
      if (problem) return problem;
    }
    const [missing] = listed.keys();
    return missing === undefined ? undefined : `mentions ${missing}, whose change is gone from the history`;
  }

  #replace(key: string, [, before, after]: AuditedChange, { ref, body }: StoredBody): string | undefined {
    const held = this.#standing.get(key);
    if ((held?.digest ?? null) !== before) return `says that ${key} was something else before`;
    if ((body ? bodyDigest(body) : null) !== after) return `has another body of ${key} in the history than it says`;
    this.#bodies += 1;
    if (held) this.#stateHash = removeEncoded(this.#stateHash, held);
    const revision = this.#revision + 1;
    if (ref.section === Section.KEY) this.#revoked.delete(ref.name);
    if (!body || after === null) {
      this.#standing.delete(key);
      if (ref.section === Section.KEY) this.#revoked.set(ref.name, revision);
      return undefined;
    }
    const standing = { digest: after, bytes: body, section: ref.section, name: ref.name, revision };
    this.#stateHash = addEncoded(this.#stateHash, standing);
    this.#standing.set(key, standing);
    return undefined;
  }
}

function contradiction(
  { atMs, author, reason }: AuditLine['entry'],
  revision: StoredRevision | undefined,
): string | undefined {
  if (!revision) return 'speaks of a revision that is gone from the history';
  if (revision.author !== author) return `says that ${author} wrote it, the history says ${revision.author}`;
  if (revision.atMs !== atMs) return 'has another time than the history';
  return revision.reason === reason ? undefined : 'has another reason than the history';
}
