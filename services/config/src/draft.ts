import { entityKey } from '@sluice/codec';
import type { Entity, EntityRef } from '@sluice/proto';
import type { Head, Plan } from './head.js';
import type { View } from './override-rules.js';

/** A head with a plan that is still being made: later steps see what earlier ones did. */
export class Draft implements View {
  readonly #held: Head['entities'];
  readonly #upserts: Map<string, Entity>;
  readonly #deletions: Map<string, EntityRef>;

  constructor({ entities }: Head, { upserts, deletions }: Plan) {
    this.#held = entities;
    this.#upserts = new Map(upserts.map((entity) => [entityKey(entity), entity]));
    this.#deletions = new Map(deletions.map((ref) => [entityKey(ref), ref]));
  }

  get(key: string): { readonly entity: Entity } | undefined {
    const entity = this.#upserts.get(key);
    if (entity) return { entity };
    return this.#deletions.has(key) ? undefined : this.#held.get(key);
  }

  /** What was to be deleted stays when it is written. */
  add({ upserts, deletions }: Plan): void {
    for (const ref of deletions) {
      this.#upserts.delete(entityKey(ref));
      if (this.#held.has(entityKey(ref))) this.#deletions.set(entityKey(ref), ref);
    }
    for (const entity of upserts) {
      this.#deletions.delete(entityKey(entity));
      this.#upserts.set(entityKey(entity), entity);
    }
  }

  get plan(): Plan {
    return { upserts: [...this.#upserts.values()], deletions: [...this.#deletions.values()] };
  }
}
