import type { Entity } from '@sluice/proto';

/** A set's entities by `entityKey`, in whatever wrapping their holder keeps them. */
export interface EntityTable {
  get(key: string): { readonly entity: Entity } | undefined;
  has(key: string): boolean;
  keys(): Iterable<string>;
  values(): Iterable<{ readonly entity: Entity }>;
}

/** What a change did to a set. */
export interface EntityChangeSet {
  readonly before: EntityTable;
  readonly after: EntityTable;
  readonly upserts: readonly Entity[];
  /** Keys of entities that are gone. */
  readonly removed: ReadonlySet<string>;
}

/** Something about a change that should not be saved. */
export interface EntityProblem {
  /** The entity that has to change, such as `gate/checkout`. */
  readonly key: string;
  /** Where in it, such as `rules[0].conditionIds[1]`; empty for the whole. */
  readonly path: string;
  /** What is wrong and what to do. */
  readonly message: string;
  /** It was so before this change. */
  readonly isOld: boolean;
}
