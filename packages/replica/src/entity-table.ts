import { type EncodedEntity, sectionWord } from '@sluice/codec';
import type { EntityRef } from '@sluice/proto';

type Shard = ReadonlyMap<string, EncodedEntity>;

const shardCount = 512;
const noEntities: Shard = new Map();

/**
 * The entities of a set: immutable, yet cheap to change. A change copies the shards that it
 * touches, a five-hundredth of the table each, and shares the others with its ancestor, so that a
 * holder of an old table (a write to disk, an answer under way) sees it whole for as long as it likes.
 */
export class EntityTable {
  static readonly empty: EntityTable = new EntityTable(new Array(shardCount).fill(noEntities), 0);

  readonly size: number;
  readonly #shards: readonly Shard[];

  private constructor(shards: readonly Shard[], size: number) {
    this.#shards = shards;
    this.size = size;
  }

  get({ section, name }: { readonly section: number; readonly name: string }): EncodedEntity | undefined {
    return this.#shards[shardOf(name)]?.get(keyOf(section, name));
  }

  /** The table after a change; deletions go first. */
  change(upserts: Iterable<EncodedEntity>, deletions: Iterable<EntityRef>): EntityTable {
    const shards = [...this.#shards];
    const copied = new Map<number, Map<string, EncodedEntity>>();
    let { size } = this;
    const shardFor = (name: string): Map<string, EncodedEntity> => {
      const at = shardOf(name);
      const shard = copied.get(at) ?? new Map(shards[at]);
      copied.set(at, shard);
      shards[at] = shard;
      return shard;
    };
    for (const { section, name } of deletions) if (shardFor(name).delete(keyOf(section, name))) size--;
    for (const entity of upserts) {
      const shard = shardFor(entity.name);
      const before = shard.size;
      shard.set(keyOf(entity.section, entity.name), entity);
      size += shard.size - before;
    }
    return new EntityTable(shards, size);
  }

  /** In no particular order. */
  *[Symbol.iterator](): Generator<EncodedEntity> {
    for (const shard of this.#shards) yield* shard.values();
  }

  /** By section, then name. */
  sorted(): EncodedEntity[] {
    return [...this].sort(compareEntities);
  }
}

/** Orders by section, then name, by UTF-16 units. */
export function compareEntities(left: EncodedEntity, right: EncodedEntity): number {
  if (left.section !== right.section) return left.section - right.section;
  if (left.name === right.name) return 0;
  return left.name < right.name ? -1 : 1;
}

const keyOf = (section: number, name: string): string => `${sectionWord(section)}/${name}`;

function shardOf(name: string): number {
  let hash = 0;
  for (let i = 0; i < name.length; i++) hash = (Math.imul(hash, 31) + name.charCodeAt(i)) | 0;
  // The low bits of this hash hardly depend on the first letters: fold the high ones in.
  return (hash ^ (hash >>> 15)) & (shardCount - 1);
}
